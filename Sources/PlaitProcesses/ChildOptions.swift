internal import PlaitPlatform

extension ChildProcess.Options {
    /// All but the standard streams.
    func apply(to plan: inout Processes.Plan) {
        plan.deathSignal = parentDeathSignal
        plan.hasOwnGroup = hasOwnGroup
        plan.directory = workingDirectory
        plan.environment = environment
        plan.processors = processors
        plan.limits = numbers
    }

    /// The limits as the system has them: 0 for the parent's own.
    var numbers: (memory: UInt64, seconds: UInt64, descriptors: UInt64) {
        (
            UInt64(clamping: limits.memory ?? 0), UInt64(clamping: limits.processorSeconds ?? 0),
            UInt64(clamping: limits.descriptors ?? 0)
        )
    }
}
