internal import Logging
internal import PlaitParking
internal import PlaitPlatform

/// What happens when the program ends: when `main` returns, or somebody calls `exit`.
///
/// First ``Strand/main`` and the strand that called `exit` count as ended: who joins them goes on.
/// Then the actions run that were registered by ``perform(_:)``, the last one first. Then the
/// program waits for its threads, but not for daemons, nor for the thread that ends it. Then thread
/// pools finish the work that was given to them, and take no more; what only the worker that ends
/// the program could do is cancelled. Fibers that are left on the ending thread are told of in the
/// log. Fibers live as long as their thread: those of a ``BackgroundHub``, of the main thread and
/// of the one that ends the program are not waited for, though they go on meanwhile where that
/// thread has a hub and did not call `exit` in a callback or task.
///
/// `_exit`, `abort` and a trap skip all that. C leaves open what happens when two threads call
/// `exit` at the same time.
/// - Source: Python's `threading._shutdown`, `threading._register_atexit`.
public enum ProgramEnd {
    /// Has `body` run when the program ends, once.
    ///
    /// It may wait, and may start threads, which are waited for. It runs on the thread that ends
    /// the program. Must not call `exit`.
    /// - Returns: What takes it back.
    /// - Throws: ``ProgramEnding`` when the end has begun.
    @discardableResult
    public static func perform(
        _ body: @escaping @Sendable () -> Void
    ) throws(ProgramEnding) -> ProgramEndAction {
        arm()
        return try actions.add(body)
    }

    /// Whether the end has begun: ``perform(_:)`` throws then.
    public static var hasBegun: Bool { actions.areClosed }

    fileprivate static let actions = EndActions()

    // MARK: The end

    /// Sees to it that the end will be noticed.
    static func arm() { _ = isArmed }

    private static let isArmed: Void = atProgramEnd { ProgramEnd.run() }

    /// The end. A forked child, which ends without its exit handlers, calls it itself.
    package static func run() {
        actions.close()
        asStrand { strand in
            Strand.main.finish()
            if strand !== Strand.main {
                // Not its result, but nobody is to wait for one that will never come.
                strand.keepError(ProgramEnding())
                strand.markObserved()
                strand.finish()
            }
            tellOfFibers(besides: strand)
            while let action = actions.takeLast() { action() }
            // They may give work to pools, and make new ones.
            joinThreads()
            PoolRegistry.finishAtProgramEnd()
            joinThreads()
        }
    }

    /// Makes what the end looks at: for what is copied by forks, so that the copies need not.
    package static func warmUp() { _ = (PoolRegistry.all, ThreadRegistry.all) }

    /// Fibers of the ending thread never run again. One that nobody joined may have been forgotten.
    private static func tellOfFibers(besides strand: Strand) {
        let left = Hub.ofThread?.fibers.filter { $0.isAlive && !$0.isDaemon && $0 !== strand } ?? []
        if left.isEmpty { return }
        let some = left.reversed().prefix(5).map { fiber in
            let wait = fiber.currentWait.map { "waits in \($0.verb)" } ?? "was ready to run"
            return "\(fiber.name) (\(wait))"
        }
        let more = left.count > some.count ? ", and \(left.count - some.count) more" : ""
        UncaughtErrors.logger.warning(
            """
            \(left.count) fiber\(left.count == 1 ? " was" : "s were") left at the end of the program, whose thread \
            ends: \(some.joined(separator: ", "))\(more). Join them, or make them daemons.
            """)
    }

    private static func joinThreads() {
        let own = kernelThreadID()
        while let thread = ThreadRegistry.all.first(where: {
            $0 is SpawnedThread && !$0.isDaemon && $0.isAlive && $0.nativeID != own
        }) {
            thread.joinUncancellably()
        }
        EndingThreads.wait()
    }

    /// Runs `body` as a strand that can wait, the calling one if it can: callbacks cannot.
    private static func asStrand(_ body: (Strand) -> Void) {
        let current = Strand.current
        if current is ThreadStrand || current is Fiber { return body(current) }
        let cell = ThreadCell.current
        let before = unsafe cell.strand
        let standIn = ThreadStrand(name: "exit", isDaemon: true)
        standIn.enterThread()
        body(standIn)
        standIn.leaveThread()
        unsafe cell.strand = before
    }

    /// In a forked child: its end is its own, and so is what is to be done then.
    static func forgetAfterFork() { actions.reset() }
}

/// An action that the program's end will run, to be taken back.
public struct ProgramEndAction: Sendable {
    fileprivate let number: UInt64

    /// Takes it back.
    /// - Returns: False when it has begun, or was taken back before.
    @discardableResult
    public func cancel() -> Bool { ProgramEnd.actions.remove(number) }
}

/// The end of the program has begun: nothing more can be registered for it, and a strand that
/// called `exit` has no result.
public struct ProgramEnding: Error, Sendable, CustomStringConvertible {
    public var description: String {
        "the program is ending: register what it is to do at its end earlier"
    }
}

/// What the end will run.
private final class EndActions: @unchecked Sendable {
    // Sendable: `guardLock` guards the rest.
    private let guardLock = ShortLock()
    private var isClosed = false
    private var lastNumber: UInt64 = 0
    private var actions: [(number: UInt64, body: @Sendable () -> Void)] = []

    var areClosed: Bool { guardLock.withLock { isClosed } }

    func add(_ body: @escaping @Sendable () -> Void) throws(ProgramEnding) -> ProgramEndAction {
        try guardLock.withLock { () throws(ProgramEnding) in
            if isClosed { throw ProgramEnding() }
            lastNumber += 1
            actions.append((lastNumber, body))
            return ProgramEndAction(number: lastNumber)
        }
    }

    func close() { guardLock.withLock { isClosed = true } }

    func takeLast() -> (@Sendable () -> Void)? { guardLock.withLock { actions.popLast()?.body } }

    func remove(_ number: UInt64) -> Bool {
        // Freed outside the lock.
        let removed = guardLock.withLock {
            actions.firstIndex { $0.number == number }.map { actions.remove(at: $0) }
        }
        return removed != nil
    }

    func reset() {
        // Freed outside the lock.
        let parents = guardLock.withLock {
            let parents = actions
            isClosed = false
            actions = []
            return parents
        }
        withExtendedLifetime(parents) {}
    }
}
