internal import Logging
internal import PlaitParking
internal import PlaitPlatform

/// What happens when the program ends: when `main` returns, or somebody calls `exit`.
///
/// First ``Strand/main`` and the strand that called `exit` count as ended, so strands that join
/// them go on. Then the actions of ``perform(_:)`` run, the last one first. Then the program waits
/// for its threads, except daemons and the thread that ends the program. Then thread pools finish
/// their work and take no more; work that only the ending worker could do is cancelled. The log
/// names the fibers that are left on the ending thread. Fibers live as long as their thread. The
/// program does not wait for the fibers of a ``BackgroundHub``, of the main thread or of the thread
/// that ends the program; but they go on meanwhile, if that thread has a hub and did not call
/// `exit` in a callback or task.
///
/// `_exit`, `abort` and a trap skip all that. C leaves open what happens when two threads call
/// `exit` at the same time.
/// - Source: Python's `threading._shutdown`, `threading._register_atexit`.
public enum ProgramEnd {
    /// Registers `body`, which runs once when the program ends.
    ///
    /// `body` may wait, and it may start threads, for which the program waits. It runs on the
    /// thread that ends the program, and must not call `exit`.
    /// - Returns: A handle that can cancel the action.
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

    /// Installs the hook by which Plait notices the end.
    static func arm() { _ = isArmed }

    private static let isArmed: Void = {
        atProgramEnd { ProgramEnd.run() }
        StrandDump.replaceLister {
            // Ask for the waits first. A strand without a wait may still begin one before it is
            // listed.
            let waits = Dictionary(
                Strand.waits().map { ($0.strand.id, $0) }, uniquingKeysWith: { first, _ in first })
            return Strand.all().filter { $0 !== Strand.current }.sorted { $0.id < $1.id }.map {
                let wait = waits[$0.id].map { ": \($0.what)" } ?? ": runs"
                let daemon = $0.isDaemon ? " (daemon)" : ""
                return "  \($0.kind.rawValue) \($0.name)\(daemon)\(wait)\n"
            }
        }
    }()

    /// Performs the end. A forked child ends without exit handlers, so it calls this itself.
    package static func run() {
        actions.close()
        asStrand { strand in
            Strand.main.finish()
            if strand !== Strand.main {
                // The strand never returns a result. This error keeps callers from waiting for one.
                strand.keepError(ProgramEnding())
                strand.markObserved()
                strand.finish()
            }
            tellOfFibers(besides: strand)
            while let action = actions.takeLast() { action() }
            // The threads may give work to pools and make new pools.
            joinThreads()
            PoolRegistry.finishAtProgramEnd()
            joinThreads()
        }
    }

    /// Makes the objects that the end looks at, in a process that forks copies, so that the copies
    /// need not make them.
    package static func warmUp() { _ = (PoolRegistry.all, ThreadRegistry.all) }

    /// The fibers of the ending thread never run again. The program may have forgotten a fiber that
    /// nobody joined.
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

    /// Runs `body` as a strand that can wait. That is the calling strand, unless it is a callback.
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

    /// Called in a forked child, whose end has actions of its own.
    static func forgetAfterFork() { actions.reset() }
}

/// A handle on an action that the end of the program will run.
public struct ProgramEndAction: Sendable {
    fileprivate let number: UInt64

    /// Cancels the action.
    /// - Returns: False when the action has begun, or was cancelled before.
    @discardableResult
    public func cancel() -> Bool { ProgramEnd.actions.remove(number) }
}

/// The end of the program has begun. No more actions can be registered, and a strand that called
/// `exit` has no result.
public struct ProgramEnding: Error, Sendable, CustomStringConvertible {
    public var description: String {
        "the program is ending: register actions for its end earlier"
    }
}

/// The actions that the end will run.
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
