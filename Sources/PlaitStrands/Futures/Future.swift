internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// The result of work that is done elsewhere. A future is pending, then running, then finished or
/// cancelled.
///
/// A ``ThreadPool`` makes a future for each piece of work, and a ``Promise`` makes one for anything
/// else. Any number of threads, fibers and tasks may wait for a future, before and after it is
/// done. An error that nobody asks for is not reported.
/// - Source: Python's `concurrent.futures.Future`.
public final class Future<Success: Sendable>: @unchecked Sendable, CustomStringConvertible {
    // Sendable: `guardLock` guards `state`, `callbacks`, `watches` and `owner`; `outcome` is
    // written once, before `isOver`, and read after it.

    /// The type of the closures for ``onCompletion(_:)``.
    public typealias Callback = @Sendable (Future<Success>) throws -> Void

    private let guardLock = ShortLock()
    private var state = FutureState<WaitQueue>()
    private let isOver = Atomic<Bool>(false)
    /// The outcome; nil until the future is done, and if it was cancelled.
    private var outcome: Result<Success, any Error>?
    private var callbacks: [Callback] = []
    private var watches: [FutureWatch] = []
    /// The owner, which is told of a cancellation. Nil once the future cannot be cancelled any
    /// more.
    private var owner: (any FutureOwner)?

    init(owner: (any FutureOwner)? = nil) { self.owner = owner }

    // MARK: Looking

    /// Whether the future is finished or cancelled.
    // .acquiring pairs with the .releasing store in end(): the outcome is visible.
    public var isDone: Bool { isOver.load(ordering: .acquiring) }
    /// Whether the work has begun and not ended.
    public var isRunning: Bool { phase == .running }
    /// Whether the future was cancelled before its work began.
    public var isCancelled: Bool { phase == .cancelled }

    private var phase: FutureState<WaitQueue>.Phase { guardLock.withLock { state.phase } }

    /// Whether the future has finished with an error.
    var hasFailed: Bool {
        if isDone, case .failure = outcome { true } else { false }
    }

    /// The future's state, and the type of its value or error.
    public var description: String {
        let phase = phase
        guard phase == .finished else { return "Future \(phase)" }
        switch outcome {
        case .success: return "Future finished, returned \(Success.self)"
        case .failure(let error): return "Future finished, threw \(type(of: error))"
        case nil: return "Future finished"
        }
    }

    // MARK: Waiting

    /// Waits until the future is done, and returns its value or throws its error.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` looks once.
    /// - Throws: The work's error; `TimedOut` past the limit, the work goes on then;
    ///   `FutureError.cancelled`; `CancellationError` when the caller is cancelled.
    /// - Source: Python's `Future.result`.
    @available(*, noasync)
    @discardableResult
    public func result(within limit: Duration? = nil) throws -> Success {
        try waitForEnd(within: limit)
        return try value()
    }

    /// Waits until it is done, suspending the calling task.
    @discardableResult
    public func result(within limit: Duration? = nil) async throws -> Success {
        try await waitForEnd(within: limit)
        return try value()
    }

    /// Waits until the future is done, and returns its error; nil if it has a value.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: As ``result(within:)``, except the work's error.
    /// - Source: Python's `Future.exception`.
    @available(*, noasync)
    public func error(within limit: Duration? = nil) throws -> (any Error)? {
        try waitForEnd(within: limit)
        return try failure()
    }

    /// Waits until the future is done, suspending the calling task, and returns its error.
    public func error(within limit: Duration? = nil) async throws -> (any Error)? {
        try await waitForEnd(within: limit)
        return try failure()
    }

    /// The value of a future that is done.
    package func value() throws -> Success {
        guard let outcome else { throw FutureError.cancelled }
        return try outcome.get()
    }

    private func failure() throws(FutureError) -> (any Error)? {
        switch outcome {
        case nil: throw .cancelled
        case .success: return nil
        case .failure(let error): return error
        }
    }

    private func waitForEnd(within limit: Duration?) throws {
        if isDone { return }
        let outcome = Parking.block(
            on: WaitTarget("Future.result", self), until: Deadline(within: limit),
            enrol: { self.enrol($0) }, withdraw: { self.withdraw($0) })
        guard try outcome.wasWoken() else { throw TimedOut("result of a future") }
    }

    private func waitForEnd(within limit: Duration?) async throws {
        if isDone { return }
        let outcome = await Parking.suspend(
            on: WaitTarget("Future.result", self), until: Deadline(within: limit),
            enrol: { self.enrol($0) }, withdraw: { self.withdraw($0) })
        guard try outcome.wasWoken() else { throw TimedOut("result of a future") }
    }

    /// Waits until the future is done, whatever happens to the calling strand.
    @available(*, noasync)
    func waitUncancellably() {
        if isDone { return }
        _ = Parking.block(
            on: WaitTarget("Future.result", self), until: .never, isCancellable: false,
            enrol: { self.enrol($0) }, withdraw: { self.withdraw($0) })
    }

    /// Waits until the future is done, even if the calling task is cancelled.
    package func waitUncancellably() async {
        if isDone { return }
        _ = await Parking.suspend(
            on: WaitTarget("Future.result", self), until: .never, isCancellable: false,
            enrol: { self.enrol($0) }, withdraw: { self.withdraw($0) })
    }

    /// Waits until the work has begun or the future is done.
    @available(*, noasync)
    func waitForBegin() throws(CancellationError) {
        _ = try Parking.block(
            on: WaitTarget("Future.result", self), until: .never,
            enrol: { waiter in
                self.guardLock.withLock { !self.state.hasBegun(orQueue: waiter) }
            },
            withdraw: { waiter in
                self.guardLock.withLock { self.state.withdrawStarter(waiter) }
            }
        ).wasWoken()
    }

    private func enrol(_ waiter: Waiter) -> Bool {
        guardLock.withLock { !state.isDone(orQueue: waiter) }
    }

    private func withdraw(_ waiter: Waiter) {
        guardLock.withLock { state.withdraw(waiter) }
    }

    // MARK: Completing

    /// Cancels the future if its work has not begun. The work will not run then.
    /// - Returns: Whether the future is cancelled now; false when it is running or finished.
    /// - Source: Python's `Future.cancel`.
    @discardableResult
    public func cancel() -> Bool {
        guard let ended = end({ $0.cancel() }, as: nil) else { return isCancelled }
        ended.owner?.futureWasCancelled()
        run(ended.callbacks)
        return true
    }

    /// Calls `body` when the future is done. The strand or task that completes or cancels the
    /// future calls all such closures, in the order in which they were added. If the future is done
    /// already, the caller runs `body` at once.
    ///
    /// `body` may wait, but that delays the strand that completed the future. An error of `body`
    /// goes to ``UncaughtErrors``, and the other closures are called all the same.
    /// - Source: Python's `Future.add_done_callback`.
    public func onCompletion(_ body: @escaping Callback) {
        let isLate = guardLock.withLock {
            if !state.isDone { callbacks.append(body) }
            return state.isDone
        }
        if isLate { run([body]) }
    }

    /// Notes that the work begins. Returns false when it must not begin, because the future is
    /// cancelled or its work has begun already.
    func begin() -> Bool {
        guardLock.lock()
        let begins = state.begin()
        let claimed = begins ? claimAll() : ClaimedWaiters()
        let formerOwner = begins ? owner.take() : nil
        guardLock.unlock()
        claimed.unparkAll()
        withExtendedLifetime(formerOwner) {}
        return begins
    }

    /// As ``begin()``, for a caller that holds a lock. The caller unparks `claimed` after
    /// unlocking.
    func begin(claiming claimed: inout ClaimedWaiters) -> Bool {
        guardLock.withLock {
            guard state.begin() else { return false }
            while let waiter = state.claim() { claimed.append(waiter) }
            return true
        }
    }

    /// Whether there are closures to call when the future is done.
    package var hasCallbacks: Bool { guardLock.withLock { !callbacks.isEmpty } }

    /// Finishes the future and wakes its waiters. Returns the callbacks, which the caller passes to
    /// ``run(_:)`` next; nil if the future was done already.
    func finish(with result: Result<Success, any Error>) -> [Callback]? {
        end({ $0.finish() }, as: result)?.callbacks
    }

    /// Calls the callbacks that ``finish(with:)`` returned.
    func run(_ callbacks: [Callback]) {
        for body in callbacks {
            do {
                try body(self)
            } catch {
                UncaughtErrors.report(error, ofCallbackOf: "\(self)")
            }
        }
    }

    private typealias Ended = (callbacks: [Callback], owner: (any FutureOwner)?)

    private func end(
        _ change: (inout FutureState<WaitQueue>) -> Bool, as result: Result<Success, any Error>?
    ) -> Ended? {
        guardLock.lock()
        guard change(&state) else {
            guardLock.unlock()
            return nil
        }
        outcome = result
        isOver.store(true, ordering: .releasing)
        let claimed = claimAll()
        let ended: Ended = (callbacks, owner)
        let watches = self.watches
        callbacks = []
        self.watches = []
        owner = nil
        guardLock.unlock()
        claimed.unparkAll()
        for watch in watches { watch.tell(hasFailed: hasFailed) }
        return ended
    }

    private func claimAll() -> ClaimedWaiters {
        var claimed = ClaimedWaiters()
        while let waiter = state.claim() { claimed.append(waiter) }
        return claimed
    }

    // MARK: Being one of several

    /// Tells `watcher` when the future is done, or at once if it is done already.
    func watch(for watcher: any FutureWatcher, as index: Int) {
        let watch = FutureWatch(watcher: watcher, index: index)
        let isLate = guardLock.withLock {
            if !state.isDone { watches.append(watch) }
            return state.isDone
        }
        if isLate { watch.tell(hasFailed: hasFailed) }
    }

    /// Undoes ``watch(for:as:)``.
    func unwatch(for watcher: any FutureWatcher) {
        var removed: FutureWatch?
        guardLock.withLock {
            if let place = watches.firstIndex(where: { $0.watcher === watcher }) {
                removed = watches.remove(at: place)
            }
        }
        withExtendedLifetime(removed) {}
    }
}

/// Learns that a future is done. It is called under no lock, and must not wait.
protocol FutureWatcher: AnyObject, Sendable {
    func futureIsDone(_ index: Int, hasFailed: Bool)
}

/// A watcher, and the number by which it knows the future.
struct FutureWatch: Sendable {
    let watcher: any FutureWatcher
    let index: Int

    func tell(hasFailed: Bool) { watcher.futureIsDone(index, hasFailed: hasFailed) }
}

/// Learns that a future whose work it would have done was cancelled. It is called under no lock,
/// and must not wait.
protocol FutureOwner: AnyObject, Sendable {
    func futureWasCancelled()
}
