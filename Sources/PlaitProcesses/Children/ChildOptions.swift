public import PlaitPlatform
internal import SystemPackage

extension ChildProcess {
    /// Where a standard stream of the child leads.
    public enum StandardIO: Sendable {
        /// To where the parent's leads.
        case inherited
        /// To `/dev/null`.
        case null
        /// To the other end of a pipe that the parent holds.
        case pipe
    }

    /// How an executable is started.
    public struct Options: Sendable {
        public var input = StandardIO.inherited
        public var output = StandardIO.inherited
        public var errorOutput = StandardIO.inherited
        /// Whether it ends with this program: at the program's end it gets SIGTERM, and two seconds
        /// later SIGKILL; the program waits for it. Others are neither ended nor waited for: a
        /// program that was started may outlive the one that did. Of a program that is killed, see
        /// ``parentDeathSignal``.
        public var isDaemon = false
        /// Sent to the child when the thread that starts it ends, with or without the process; nil
        /// lets it live on.
        public var parentDeathSignal: Signal?
        /// Whether it leads a process group of its own, which a terminal's Ctrl-C does not reach.
        public var hasOwnGroup = false
        /// Whether it leads a session of its own, without a terminal, and so a group.
        public var hasOwnSession = false
        /// Where it works; nil: where the parent does.
        public var workingDirectory: String?
        /// All of its environment; nil: the parent's. Of a child of the fork server: that which the
        /// parent had when it started the server, which is with the first such child.
        public var environment: [String: String]?
        /// What it may use of the machine; nil, each: what the parent may.
        public var limits = Limits()
        /// Processors that it may run on; nil: those of the parent.
        public var processors: Set<Int>?

        public init() {}
    }

    /// What a child may use at most. Past a limit its calls fail, or a signal ends it.
    public struct Limits: Hashable, Sendable {
        /// Bytes of address space (RLIMIT_AS): past it, allocating fails, which traps in Swift.
        public var memory: Int?
        /// Seconds of processor time (RLIMIT_CPU): past them SIGKILL.
        public var processorSeconds: Int?
        /// Descriptors open at the same time (RLIMIT_NOFILE).
        public var descriptors: Int?

        public init(memory: Int? = nil, processorSeconds: Int? = nil, descriptors: Int? = nil) {
            self.memory = memory
            self.processorSeconds = processorSeconds
            self.descriptors = descriptors
        }
    }
}

extension ChildProcess.Options {
    /// All but the standard streams.
    func apply(to plan: inout Processes.Plan) {
        plan.deathSignal = parentDeathSignal
        plan.hasOwnGroup = hasOwnGroup
        plan.hasOwnSession = hasOwnSession
        plan.directory = workingDirectory
        plan.environment = environment
        plan.processors = processors
        plan.limits = numbers
    }

    /// Throws EINVAL for what the system would take for something else.
    func check() throws(SystemError) {
        func refuse(_ what: String) throws(SystemError) -> Never {
            throw SystemError(errno: .invalidArgument, call: "spawn", subject: what)
        }
        if let workingDirectory {
            try Processes.checkText(workingDirectory, "the working directory")
        }
        for (name, value) in environment ?? [:] {
            try Processes.checkText(name, "a variable's name")
            try Processes.checkText(value, "variable \(name)")
            if name.isEmpty || name.contains("=") { try refuse("a variable named '\(name)'") }
        }
        let counts = [
            (limits.memory, "bytes of memory"),
            (limits.processorSeconds, "seconds of processor time"),
            (limits.descriptors, "descriptors"),
        ]
        for case (let count?, let what) in counts where count < 1 {
            try refuse("a limit of \(count) \(what)")
        }
        for number in processors ?? [] where !(0..<65_536).contains(number) {
            try refuse("processor \(number)")
        }
        try parentDeathSignal?.checkNumber("prctl")
    }

    /// The limits as the system has them: 0 for the parent's own.
    var numbers: (memory: UInt64, seconds: UInt64, descriptors: UInt64) {
        (
            UInt64(clamping: limits.memory ?? 0), UInt64(clamping: limits.processorSeconds ?? 0),
            UInt64(clamping: limits.descriptors ?? 0)
        )
    }
}
