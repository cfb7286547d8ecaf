public import PlaitPlatform
internal import SystemPackage

extension ChildProcess {
    /// Where a standard stream of the child leads.
    public enum StandardIO: Hashable, Sendable {
        /// The stream leads where the parent's does.
        case inherited
        /// The stream is `/dev/null`.
        case null
        /// The stream is a pipe whose other end the parent holds.
        case pipe
        /// The stream is the file at this path. An output makes the file if there is none, and
        /// empties it.
        case file(String)
        /// An output goes to the end of the file at this path, which is made if there is none.
        case endOfFile(String)
        /// The stream is what this descriptor of the parent stands for, such as a socket or the end
        /// of another child's pipe. The descriptor stays the caller's: keep it open until the child
        /// has started.
        case descriptor(Int32)
    }

    /// How to start an executable.
    public struct Options: Sendable {
        public var input = StandardIO.inherited
        public var output = StandardIO.inherited
        public var errorOutput = StandardIO.inherited
        /// Whether the child ends with this program. At the program's end a daemon gets SIGTERM,
        /// and SIGKILL two seconds later, and the program waits for it. The program neither ends
        /// other children nor waits for them, so they may outlive it. For a program that is killed,
        /// see ``parentDeathSignal``.
        public var isDaemon = false
        /// The signal that the child gets when the thread that started it ends, with or without its
        /// process. Nil lets the child live on.
        public var parentDeathSignal: Signal?
        /// Whether the child leads a process group of its own, which a terminal's Ctrl-C does not
        /// reach.
        public var hasOwnGroup = false
        /// Whether the child leads a session of its own, without a terminal, and therefore also a
        /// group.
        public var hasOwnSession = false
        /// The child's working directory; nil takes the parent's.
        public var workingDirectory: String?
        /// The child's whole environment; nil takes the parent's. For a child of the fork server,
        /// nil takes the environment that the parent had when it started the server, with the first
        /// such child.
        public var environment: [String: String]?
        /// The child's limits. A limit that is nil is the parent's.
        public var limits = Limits()
        /// The processors on which the child may run; nil takes the parent's.
        public var processors: Set<Int>?

        public init() {}
    }

    /// The limits of a child. Beyond a limit its calls fail, or a signal ends it.
    public struct Limits: Hashable, Sendable {
        /// Bytes of address space (RLIMIT_AS). Beyond it allocations fail, which traps in Swift.
        public var memory: Int?
        /// Seconds of processor time (RLIMIT_CPU). Beyond them the child gets SIGKILL.
        public var processorSeconds: Int?
        /// How many descriptors may be open at the same time (RLIMIT_NOFILE).
        public var descriptors: Int?

        public init(memory: Int? = nil, processorSeconds: Int? = nil, descriptors: Int? = nil) {
            self.memory = memory
            self.processorSeconds = processorSeconds
            self.descriptors = descriptors
        }
    }
}

extension ChildProcess.Options {
    /// Puts all options but the standard streams into a plan.
    func apply(to plan: inout Processes.Plan) {
        plan.deathSignal = parentDeathSignal
        plan.hasOwnGroup = hasOwnGroup
        plan.hasOwnSession = hasOwnSession
        plan.directory = workingDirectory
        plan.environment = environment
        plan.processors = processors
        plan.limits = numbers
    }

    /// Throws EINVAL for options that the system would misunderstand.
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

    /// The limits in the system's form: 0 for the parent's own.
    var numbers: (memory: UInt64, seconds: UInt64, descriptors: UInt64) {
        (
            UInt64(clamping: limits.memory ?? 0), UInt64(clamping: limits.processorSeconds ?? 0),
            UInt64(clamping: limits.descriptors ?? 0)
        )
    }
}
