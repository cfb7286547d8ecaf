internal import PlaitParking
internal import PlaitPlatform

/// The result of one attempt at something in shared memory.
enum SharedStep<Result> {
    case done(Result)
    /// Somebody else was faster: attempt again at once.
    case again
    /// Attempt again once the condition is true.
    case wait(SharedCondition)
    /// As ``wait(_:)``, for something that another process holds only for a moment. A limit of zero
    /// waits for it too, unless the holder is stopped.
    case waitBriefly(SharedCondition)
}

/// How strands and tasks wait for something in shared memory.
enum SharedWait {
    /// Attempts something until it succeeds. Blocks the calling thread or parks the calling fiber.
    /// - Parameter step: Makes one attempt. Its argument tells whether the caller has slept before.
    /// - Returns: Nil past the deadline.
    static func run<Result>(
        on target: WaitTarget, until deadline: Deadline, isCancellable: Bool = true,
        _ step: (Bool) throws -> SharedStep<Result>
    ) throws -> Result? {
        var attempts = Attempts(deadline: deadline)
        while true {
            switch attempts.next(after: try step(attempts.hasSlept)) {
            case .again: continue
            case .ended(let result): return result
            case .sleep(let condition, let end):
                if SpinPolicy.process.spin(until: { condition.isMet }) { continue }
                guard try condition.wait(on: target, until: end, isCancellable: isCancellable)
                else { return nil }
                attempts.hasSlept = true
            }
        }
    }

    /// As ``run(on:until:isCancellable:_:)``, suspending the calling task.
    static func run<Result>(
        on target: WaitTarget, until deadline: Deadline, isCancellable: Bool = true,
        _ step: (Bool) throws -> SharedStep<Result>
    ) async throws -> Result? {
        var attempts = Attempts(deadline: deadline)
        while true {
            switch attempts.next(after: try step(attempts.hasSlept)) {
            case .again: continue
            case .ended(let result): return result
            case .sleep(let condition, let end):
                guard
                    try await condition.wait(
                        on: target, until: end, isCancellable: isCancellable)
                else { return nil }
                attempts.hasSlept = true
            }
        }
    }

    private enum Next<Result> {
        case again
        case ended(Result?)
        case sleep(SharedCondition, until: Deadline)
    }

    private struct Attempts {
        private static let moment: UInt64 = 10_000_000

        let deadline: Deadline
        var hasSlept = false
        /// Until when to wait for something that is held for a moment.
        private var grace: Deadline?

        init(deadline: Deadline) { self.deadline = deadline }

        mutating func next<Result>(after step: SharedStep<Result>) -> Next<Result> {
            switch step {
            case .done(let result): return .ended(result)
            case .again: return .again
            case .wait(let condition):
                return deadline.hasPassed ? .ended(nil) : .sleep(condition, until: deadline)
            case .waitBriefly(let condition):
                let grace = grace ?? Deadline.now.advanced(by: Self.moment)
                self.grace = grace
                let end = max(deadline, grace)
                return end.hasPassed ? .ended(nil) : .sleep(condition, until: end)
            }
        }
    }
}

extension Deadline {
    var hasPassed: Bool { self != .never && self <= .now }
}
