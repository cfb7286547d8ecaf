public import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// Runs a closure once. The strand that comes first runs it, and the others wait until it has
/// finished.
///
/// If the closure throws, the strand that ran it gets the error, and the strand that has waited
/// longest tries next.
/// - Source: Go's `sync.Once`, C++'s `std::call_once`; Python has none.
public final class Once: @unchecked Sendable {
    // Sendable: `guardLock` guards `state` and `runner`; `doneFlag` mirrors the state for reading
    // without the lock.
    private let guardLock = ShortLock()
    private var state = OnceState<WaitQueue>()
    /// The strand that runs the closure, once it has begun.
    private var runner = StrandKey.none
    private let doneFlag = Atomic(false)

    /// - Parameter name: Its name in reports; nil: the place of this call.
    public init(name: String? = nil, file: StaticString = #fileID, line: UInt = #line) {
        label = ObjectLabel(name, file, line)
    }

    /// Its name in reports, or where it was made.
    public let label: ObjectLabel

    /// Whether a closure has finished without an error.
    // .acquiring pairs with the .releasing store in finish(isDone:): what the closure did is
    // visible.
    public var isDone: Bool { doneFlag.load(ordering: .acquiring) }

    /// Runs `body`, unless an earlier call has run its closure. Waits while another strand runs
    /// one.
    ///
    /// Blocks the calling thread or parks the calling fiber; waiting is not cancellable. Calling it
    /// from inside `body` traps.
    /// - Throws: What `body` throws when this call runs it.
    @available(*, noasync)
    public func run<Failure: Error>(_ body: () throws(Failure) -> Void) throws(Failure) {
        if isDone { return }
        let key = StrandKey.current
        if !begin(key) {
            _ = Parking.block(
                on: WaitTarget("Once.run", self), until: .never, isCancellable: false,
                enrol: { self.enrol($0) }, withdraw: { self.withdraw($0) })
            if !isNext(key) { return }
        }
        do { try body() } catch {
            finish(isDone: false)
            throw error
        }
        finish(isDone: true)
    }

    /// Runs `body`, unless an earlier call has run its closure. Suspends the calling task while
    /// another strand runs one.
    /// - Throws: What `body` throws when this call runs it; `CancellationError` when the task is
    ///   cancelled while it waits.
    public func run(_ body: () async throws -> Void) async throws {
        guard try await isToRun() else { return }
        do { try await body() } catch {
            finish(isDone: false)
            throw error
        }
        finish(isDone: true)
    }

    /// As ``run(_:)``, with a body that does not suspend.
    public func run(_ body: () throws -> Void) async throws {
        guard try await isToRun() else { return }
        do { try body() } catch {
            finish(isDone: false)
            throw error
        }
        finish(isDone: true)
    }

    /// Whether the calling task must run its body. Waits while another strand runs one.
    private func isToRun() async throws -> Bool {
        if isDone { return false }
        let key = StrandKey.current
        if begin(key) { return true }
        _ = try await Parking.suspend(
            on: WaitTarget("Once.run", self), until: .never, enrol: { self.enrol($0) },
            withdraw: { self.withdraw($0) }
        ).wasWoken()
        return isNext(key)
    }

    /// Whether the caller must run its body, without waiting.
    private func begin(_ key: StrandKey) -> Bool {
        guardLock.lock()
        let isRecursive = state.phase == .running && runner == key
        let isFirst = state.begin()
        if isFirst { runner = key }
        guardLock.unlock()
        demand(
            !isRecursive,
            "Once.run from inside its own closure, by strand \(Strand.current.name), would wait "
                + "for ever")
        return isFirst
    }

    /// Whether the caller, whose wait has ended, must run its body. At most one caller gets true.
    private func isNext(_ key: StrandKey) -> Bool {
        guardLock.withLock {
            guard state.phase == .running else { return false }
            runner = key
            return true
        }
    }

    private func finish(isDone: Bool) {
        guardLock.lock()
        runner = .none
        var claimed = ClaimedWaiters()
        if isDone {
            while let waiter = state.succeed() { claimed.append(waiter) }
            doneFlag.store(true, ordering: .releasing)
        } else if let waiter = state.fail() {
            claimed.append(waiter)
        }
        guardLock.unlock()
        claimed.unparkAll()
    }

    private func enrol(_ waiter: Waiter) -> Bool {
        guardLock.withLock { !state.goesOn(orQueue: waiter) }
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock { state.withdraw(waiter) }
    }
}

extension Once: CustomStringConvertible {
    /// `Once(done)`, `Once(running)` or `Once(fresh)`.
    public var description: String { "Once(\(guardLock.withLock { state.phase }), \(label))" }
}

extension Once: LabelledObject {}
