internal import CPlaitSwitch

/// Work for a ``ThreadPool``: a body, and the future of its result.
class PoolWork: @unchecked Sendable {
    // Sendable: has no state of its own; its subclass names its guard.
    var isDone: Bool { preconditionFailure("PoolWork is abstract") }

    /// Runs the body and releases it. Returns false, without running it, if the work was cancelled.
    func run() -> Bool { preconditionFailure("PoolWork is abstract") }

    /// Completes the future after ``run()``. Returns a closure that calls the future's callbacks,
    /// if there are any.
    func finish() -> (() -> Void)? { preconditionFailure("PoolWork is abstract") }

    /// Fails the future, since nobody will do the work. Returns false if the work has begun or was
    /// cancelled.
    func refuse(_ error: any Error) -> Bool { preconditionFailure("PoolWork is abstract") }

    func cancel() { preconditionFailure("PoolWork is abstract") }
}

final class PoolWorkOf<Success: Sendable>: PoolWork, @unchecked Sendable {
    // Sendable: `future` is constant; only the thread that got true from `future.begin()` uses the
    // rest.
    let future: Future<Success>
    private var body: (() throws -> Success)?
    private var result: Result<Success, any Error>?

    init(owner: any FutureOwner, _ body: @escaping () throws -> Success) {
        // The body runs with the submitter's task-local values.
        plait_words_prepare()
        if let bindings = TaskBindings.captured() {
            self.body = { try bindings.perform(body) }
        } else {
            self.body = body
        }
        future = Future(owner: owner)
    }

    override var isDone: Bool { future.isDone }

    override func run() -> Bool {
        guard future.begin(), let body = body.take() else { return false }
        result = Result(catching: body)
        return true
    }

    override func finish() -> (() -> Void)? {
        guard let result = result.take(), let callbacks = future.finish(with: result),
            !callbacks.isEmpty
        else { return nil }
        return { [future] in future.run(callbacks) }
    }

    override func refuse(_ error: any Error) -> Bool {
        guard future.begin() else { return false }
        body = nil
        if let callbacks = future.finish(with: .failure(error)) { future.run(callbacks) }
        return true
    }

    override func cancel() { future.cancel() }
}
