internal import PlaitParking
internal import PlaitPlatform

/// What came of an attempt at something in shared memory.
enum SharedStep<Result> {
    case done(Result)
    /// Somebody else was faster: to be attempted again at once.
    case again
    /// To be attempted again once this is met.
    case wait(SharedCondition)
    /// As ``wait(_:)``, for what another process holds for a moment: a limit of zero waits for it,
    /// too, but for a holder that was stopped.
    case waitBriefly(SharedCondition)
}

/// How strands and tasks wait for what is in shared memory.
enum SharedWait {
    /// Attempts something until it is done. Blocks the calling thread or parks the calling fiber.
    /// - Parameter step: Gets whether it has slept before.
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
        /// Until when it waits for what is held for a moment.
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
