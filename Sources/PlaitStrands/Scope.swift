public import PlaitParking
internal import PlaitPlatform

/// Runs `body`, and returns only when every strand that was started in its scope has ended.
///
/// Blocks the calling thread or parks the calling fiber. The first error, of `body` or of a strand,
/// cancels the other strands and `body`'s current or next wait; the call throws it when all have
/// ended. When the calling strand is cancelled meanwhile, the strands of the scope are cancelled
/// too. A strand that is cancelled alone, by its handle, ends and leaves the others alone.
/// - Throws: The first error; `CancellationError`.
/// - Source: Trio's nurseries; Swift's task groups.
@available(*, noasync)
@discardableResult
public func withScope<Result>(_ body: (Scope) throws -> Result) throws -> Result {
    let scope = Scope(owner: .current)
    do {
        let result = try body(scope)
        try scope.close(bodyError: nil)
        return result
    } catch {
        try scope.close(bodyError: error)
        throw error
    }
}

/// Runs `body` as a task of its own, and returns only when it and every strand that was started in
/// its scope has ended. Suspends the calling task.
///
/// The first error, of `body` or of a strand, cancels the other strands and `body`. So does a
/// cancellation of the calling task. Fibers need a hub: give one to
/// ``Scope/spawn(_:on:name:stackSize:_:)``.
/// - Throws: As ``withScope(_:)-((Scope)throws->Result)``.
@discardableResult
public func withScope<Result: Sendable>(
    _ body: sending @escaping (Scope) async throws -> Result
) async throws -> Result {
    let scope = Scope(owner: nil)
    let task = scope.start(body)
    return try await scope.finish { try await task.value }
}

/// As the other form for tasks, for a `body` that never waits.
// A closure without `await` prefers a parameter without `async`: were there none here, the compiler
// would take the form that blocks.
@discardableResult
public func withScope<Result>(_ body: (Scope) throws -> Result) async throws -> Result {
    let scope = Scope(owner: nil)
    return try await scope.finish { try body(scope) }
}

/// The strands that one `withScope` waits for.
public final class Scope: @unchecked Sendable {
    // Sendable: `state` is a `Guarded`; the rest is constant.
    private struct State {
        /// All strands that may be alive, and some that have ended.
        var children: [Strand] = []
        /// When there are this many children, the scope drops those that have ended.
        var mostChildren = State.fewChildren
        /// The strand for which close() waits.
        var awaited: Strand?
        var firstError: (any Error)?
        var isCancelled = false
        var isOpen = true
        /// Cancels the body, where that is a task.
        var cancelTask: (@Sendable () -> Void)?

        static var fewChildren: Int { 64 }

        /// Adds a child. A scope that lives long retains at most twice as many children as are
        /// alive. Returns the children that have ended, which the caller releases outside the lock.
        mutating func add(_ child: Strand) -> [Strand] {
            var before: [Strand] = []
            if children.count >= mostChildren {
                before = children
                children.removeAll { !$0.isAlive }
                mostChildren = max(2 * children.count, State.fewChildren)
            }
            children.append(child)
            return before
        }
    }

    /// The strand that runs the body; nil where a task does.
    private let owner: Strand?
    /// Whether the owner was cancelled before the scope began. The scope does not pass that on.
    private let wasCancelledBefore: Bool
    private let state = Guarded(State())

    init(owner: Strand?) {
        self.owner = owner
        wasCancelledBefore = owner?.isCancelled == true
    }

    /// Waits for the body of a scope of a task and for its strands.
    fileprivate func finish<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await withTaskCancellationHandler {
            do {
                let result = try await body()
                try await close(bodyError: nil)
                return result
            } catch {
                try await close(bodyError: error)
                throw error
            }
        } onCancel: {
            cancel()
        }
    }

    /// Starts the body as a task, which an error of a strand cancels.
    fileprivate func start<Result: Sendable>(
        _ body: sending @escaping (Scope) async throws -> Result
    ) -> Task<Result, any Error> {
        let task = Task { try await body(self) }
        let isCancelled = state.withLock { state in
            state.cancelTask = { task.cancel() }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
        return task
    }

    /// Starts a fiber in the scope, on the calling thread's hub; see `spawn(.fiber)`.
    @available(*, noasync, message: "say on which hub: scope.spawn(.fiber, on: hub)")
    @discardableResult
    public func spawn<Success: Sendable>(
        _ kind: FiberKind, name: String? = nil, stackSize: Int? = nil,
        _ body: @escaping () throws -> Success
    ) -> JoinHandle<Success> {
        adopt(startFiber(FiberPlan(nil, name, false, stackSize), reporting(body)))
    }

    /// Starts a fiber in the scope, on another thread's hub; see `spawn(.fiber, on:)`.
    @discardableResult
    public func spawn<Success: Sendable>(
        _ kind: FiberKind, on hub: Hub, name: String? = nil, stackSize: Int? = nil,
        _ body: sending @escaping () throws -> Success
    ) -> JoinHandle<Success> {
        adopt(startFiber(FiberPlan(hub, name, false, stackSize), reporting(body)))
    }

    /// Starts a thread in the scope; see `spawn(.thread)`.
    @discardableResult
    public func spawn<Success: Sendable>(
        _ kind: ThreadKind, name: String? = nil, stackSize: Int? = nil,
        _ body: sending @escaping () throws -> Success
    ) -> JoinHandle<Success> {
        adopt(startThread(ThreadPlan(name, false, stackSize), reporting(body)))
    }

    /// Starts a strand in the scope, of a kind that the program chooses at run time.
    @available(*, noasync, message: "a fiber needs a hub: scope.spawn(.fiber, on: hub)")
    @discardableResult
    public func spawn<Success: Sendable>(
        kind: StrandKind, name: String? = nil, stackSize: Int? = nil,
        _ body: sending @escaping () throws -> Success
    ) -> JoinHandle<Success> {
        switch kind {
        case .fiber: adopt(startFiber(FiberPlan(nil, name, false, stackSize), reporting(body)))
        case .thread: adopt(startThread(ThreadPlan(name, false, stackSize), reporting(body)))
        }
    }

    /// Cancels every strand of the scope, including those that start later. Any thread may call it.
    public func cancel() {
        let (children, cancelTask) = state.withLock { state in
            state.isCancelled = true
            return (state.children + (state.awaited.map { [$0] } ?? []), state.cancelTask)
        }
        for child in children { child.cancel() }
        cancelTask?()
    }

    private func reporting<Success>(
        _ body: @escaping () throws -> Success
    ) -> () throws -> Success {
        { [self] in
            do {
                return try body()
            } catch {
                // A strand that somebody has cancelled alone has only done what it was asked to do.
                if !(error is CancellationError && Strand.current.isCancelled) {
                    childFailed(error)
                }
                throw error
            }
        }
    }

    private func adopt<Success>(_ handle: JoinHandle<Success>) -> JoinHandle<Success> {
        let child = handle.strand
        // The scope throws the child's error, if there is one.
        child.markObserved()
        let (isOpen, isCancelled, ended) = state.withLock { state in
            let ended = state.add(child)
            return (state.isOpen, state.isCancelled, ended)
        }
        withExtendedLifetime(ended) {}
        demand(isOpen, "strand \(child.name) was started in a scope that has ended")
        if isCancelled { child.cancel() }
        // A strand that could not start has run no body that would have reported its error.
        if let error = child.errorAfterEnd { childFailed(error) }
        return handle
    }

    private func childFailed(_ error: any Error) {
        let isFirst = state.withLock { state in
            guard state.firstError == nil, !(state.isCancelled && error is CancellationError) else {
                return false
            }
            state.firstError = error
            return true
        }
        guard isFirst else { return }
        cancel()
        owner?.interrupt { self.state.withLock { $0.isOpen } }
    }

    /// Waits for the strands, and throws the scope's error if there is one.
    func close(bodyError: (any Error)?) throws {
        var wasCancelled = false
        if bodyError != nil { cancel() }
        while let child = nextToAwait() {
            do {
                if wasCancelled {
                    child.joinUncancellably()
                } else {
                    _ = try child.join()
                }
            } catch {
                wasCancelled = true
                cancel()
                child.joinUncancellably()
            }
        }
        try finish(bodyError, wasCancelled)
    }

    /// As the sync form, for a scope of a task.
    func close(bodyError: (any Error)?) async throws {
        var wasCancelled = false
        if bodyError != nil { cancel() }
        while let child = nextToAwait() {
            do {
                _ = try await child.join()
            } catch {
                wasCancelled = true
                cancel()
                await child.joinUncancellably()
            }
        }
        try finish(bodyError, wasCancelled)
    }

    /// - Parameter wasCancelled: Whether the wait for the strands was.
    private func finish(_ bodyError: (any Error)?, _ wasCancelled: Bool) throws {
        let firstError = state.withLock { state in
            state.isOpen = false
            state.cancelTask = nil
            return state.firstError
        }
        owner?.retractInterrupts()
        if let firstError {
            // If the owner was cancelled meanwhile, its next wait gets the cancellation.
            if wasCancelled, let owner, owner.isCancelled, !wasCancelledBefore { owner.cancel() }
            throw firstError
        }
        if bodyError == nil && wasCancelled { throw CancellationError() }
    }

    private func nextToAwait() -> Strand? {
        // Freed outside the lock.
        let (before, next) = state.withLock { state in
            let before = state.awaited
            state.awaited = state.children.popLast()
            return (before, state.awaited)
        }
        withExtendedLifetime(before) {}
        return next
    }
}
