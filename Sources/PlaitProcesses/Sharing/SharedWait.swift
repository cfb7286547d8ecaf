internal import PlaitParking
internal import PlaitPlatform

/// What came of an attempt at something in shared memory.
enum SharedStep<Result> {
    case done(Result)
    /// Somebody else was faster: to be attempted again at once.
    case again
    /// To be attempted again once this is met.
    case wait(SharedCondition)
    /// As ``wait(_:)``, for what another process holds for a moment: a limit of zero waits for it, too, but
    /// for a holder that was stopped.
    case waitBriefly(SharedCondition)
}

/// How strands and tasks wait for what is in shared memory.
enum SharedWait {
    private static let moment: UInt64 = 10_000_000

    /// Attempts something until it is done. Blocks the calling thread or parks the calling fiber.
    /// - Parameter step: Gets whether it has slept before.
    /// - Returns: Nil past the deadline.
    static func run<Result>(
        on target: WaitTarget, until deadline: Deadline, isCancellable: Bool = true,
        _ step: (Bool) throws -> SharedStep<Result>
    ) throws -> Result? {
        var hasSlept = false
        var grace: Deadline?
        while true {
            let condition: SharedCondition
            var end = deadline
            switch try step(hasSlept) {
            case .done(let result): return result
            case .again: continue
            case .wait(let met): condition = met
            case .waitBriefly(let met):
                condition = met
                end = later(end, &grace)
            }
            if end.hasPassed { return nil }
            if PoolSpin.wait(for: { condition.isMet }) { continue }
            guard try condition.wait(on: target, until: end, isCancellable: isCancellable) else {
                return nil
            }
            hasSlept = true
        }
    }

    /// As ``run(on:until:isCancellable:_:)``, suspending the calling task.
    static func run<Result>(
        on target: WaitTarget, until deadline: Deadline,
        _ step: (Bool) throws -> SharedStep<Result>
    ) async throws -> Result? {
        var hasSlept = false
        var grace: Deadline?
        while true {
            let condition: SharedCondition
            var end = deadline
            switch try step(hasSlept) {
            case .done(let result): return result
            case .again: continue
            case .wait(let met): condition = met
            case .waitBriefly(let met):
                condition = met
                end = later(end, &grace)
            }
            if end.hasPassed { return nil }
            guard try await condition.wait(on: target, until: end) else { return nil }
            hasSlept = true
        }
    }

    private static func later(_ deadline: Deadline, _ grace: inout Deadline?) -> Deadline {
        let end = grace ?? Deadline.now.advanced(by: moment)
        grace = end
        return max(deadline, end)
    }
}

extension Deadline {
    var hasPassed: Bool { self != .never && self <= .now }
}
