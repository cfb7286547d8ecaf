internal import CPlaitLinux
internal import Glibc
internal import SystemPackage

/// The process calls of Linux, by number and by pidfd.
package enum Processes {
    /// How to start a process.
    package struct Plan {
        package var path: String
        /// The name that the program gets as its own; nil takes `path`.
        package var calledName: String?
        /// The arguments, without the program's own name.
        package var arguments: [String]
        /// These become the child's descriptors 0, 1 and 2; nil takes the parent's own.
        package var standard: (Int32?, Int32?, Int32?) = (nil, nil, nil)
        package var deathSignal: Signal?
        package var hasOwnGroup = false
        package var hasOwnSession = false
        /// This becomes the child's descriptor ``link``.
        package var link: Int32?
        package var directory: String?
        /// The child's environment; nil takes the parent's own.
        package var environment: [String: String]?
        /// In bytes, in seconds, and as a number; 0 takes the parent's limit.
        package var limits: (memory: UInt64, seconds: UInt64, descriptors: UInt64) = (0, 0, 0)
        package var processors: Set<Int>?
        /// Whether signals keep their present actions instead of the default ones. For
        /// ``settle(_:parent:)`` only.
        package var keepsSignals = false

        package init(path: String, arguments: [String]) {
            self.path = path
            self.arguments = arguments
        }

        /// Calls `body` with the C form of the plan, which lives as long as the call.
        fileprivate func withSettings<Result>(
            _ body: (inout plait_spawn_plan) -> Result
        ) -> Result {
            var settings = unsafe plait_spawn_plan()
            unsafe settings.standard = (standard.0 ?? -1, standard.1 ?? -1, standard.2 ?? -1)
            unsafe settings.death_signal = deathSignal?.number ?? 0
            unsafe settings.own_group = hasOwnGroup ? 1 : 0
            unsafe settings.own_session = hasOwnSession ? 1 : 0
            unsafe settings.link = link ?? -1
            unsafe settings.keeps_signals = keepsSignals ? 1 : 0
            unsafe settings.memory = limits.memory
            unsafe settings.seconds = limits.seconds
            unsafe settings.descriptors = limits.descriptors
            let directory = unsafe directory.flatMap { unsafe strdup($0) }
            defer { unsafe free(directory) }
            unsafe settings.directory = unsafe UnsafePointer(directory)
            let words = environment.map { Words($0.map { "\($0.key)=\($0.value)" }) }
            let numbers = (processors ?? []).map { Int32(clamping: $0) }
            return withExtendedLifetime(words) {
                unsafe settings.environment = unsafe words.map { unsafe UnsafePointer($0.list) }
                return unsafe numbers.withUnsafeBufferPointer { numbers in
                    if processors != nil {
                        unsafe settings.processors = numbers.baseAddress
                        unsafe settings.processor_count = numbers.count
                    }
                    return unsafe body(&settings)
                }
            }
        }
    }

    /// The descriptor of the connection between a child that runs functions and its parent.
    package static var link: Int32 { 3 }

    /// An array of C strings, with a null pointer at the end.
    @safe
    private final class Words {
        let list: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
        private let count: Int

        init(_ words: [String]) {
            count = words.count
            unsafe list = .allocate(capacity: words.count + 1)
            for (index, word) in words.enumerated() {
                unsafe (list + index).initialize(to: strdup(word))
            }
            unsafe (list + count).initialize(to: nil)
        }

        deinit {
            for index in 0..<count { unsafe free(list[index]) }
            unsafe list.deallocate()
        }
    }

    /// A process that has just been started. The holder of this value owns the descriptor.
    package struct Started: Sendable {
        /// The process's number; 0 in the process itself, if it is a copy of this one.
        package let pid: Int32
        /// The pidfd, which names this process even if another process gets its number. -1 if the
        /// process has ended and the system has forgotten it.
        package let descriptor: Int32

        package init(pid: Int32, descriptor: Int32) {
            self.pid = pid
            self.descriptor = descriptor
        }
    }

    package static func spawn(_ plan: Plan) throws(SystemError) -> Started {
        try checkText(plan.path, "the path")
        for (index, argument) in plan.arguments.enumerated() {
            try checkText(argument, "argument \(index + 1)")
        }
        let words = Words([plan.calledName ?? plan.path] + plan.arguments)
        var descriptor: Int32 = -1
        let result = unsafe plan.withSettings {
            unsafe plait_spawn(plan.path, words.list, &$0, &descriptor)
        }
        return Started(pid: try check(result, "spawn", plan.path), descriptor: descriptor)
    }

    /// Throws EINVAL for a text with a NUL, at which C would cut it.
    package static func checkText(_ text: String, _ what: String) throws(SystemError) {
        if text.utf8.contains(0) {
            throw SystemError(
                errno: .invalidArgument, call: "spawn", subject: "\(what) contains a zero byte")
        }
    }

    /// Applies the plan to this process, which was made by ``cloneSibling()`` or ``fork()``. The
    /// process keeps its program.
    package static func settle(_ plan: Plan, parent: Int32) throws(SystemError) {
        try check(
            unsafe plan.withSettings { unsafe plait_settle(&$0, parent) }, "set up", plan.path)
    }

    /// Makes a copy of this single-threaded process as a child of its parent. In the copy the
    /// number is 0.
    package static func cloneSibling() throws(SystemError) -> Started {
        fflush(nil)
        var descriptor: Int32 = -1
        let pid = try check(unsafe plait_clone_sibling(&descriptor), "clone")
        return Started(pid: pid, descriptor: descriptor)
    }

    /// Makes a copy of this process. In the copy the number is 0.
    package static func fork() throws(SystemError) -> Started {
        // Otherwise both processes would write the text that is in the buffers now.
        fflush(nil)
        var descriptor: Int32 = -1
        let pid = try check(unsafe plait_fork(&descriptor), "fork")
        return Started(pid: pid, descriptor: descriptor)
    }

    /// Ends this process without its exit handlers, but flushes printed text.
    package static func exitNow(_ code: Int32) -> Never {
        fflush(nil)
        plait_exit_now(code)
    }

    /// Ends the process at once, with a message on standard error. What was printed goes out.
    package static func endNow(_ code: Int32, saying message: String) -> Never {
        StandardErrorText.write(message)
        exitNow(code)
    }

    /// Ends this process as the C library's exit(3) does.
    package static func exit(_ code: Int32) -> Never { Glibc.exit(code) }

    /// Whether this process has a descriptor of this number.
    package static func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) >= 0 }

    /// The working directory of this process; nil if it does not exist any more.
    package static var currentDirectory: String? {
        guard let path = unsafe getcwd(nil, 0) else { return nil }
        defer { unsafe free(path) }
        return unsafe String(cString: path)
    }

    package static func closeOnExec(_ number: Int32) { _ = fcntl(number, F_SETFD, FD_CLOEXEC) }

    package static func ignore(_ signal: Signal) { _ = Glibc.signal(signal.number, SIG_IGN) }

    /// Replaces the environment of this process, which must have a single thread.
    package static func setEnvironment(_ environment: [String: String]) {
        clearenv()
        for (name, value) in environment { unsafe setenv(name, value, 1) }
    }

    /// The environment of this process.
    package static var environment: [String: String] {
        var all: [String: String] = [:]
        var word = unsafe environ
        while let text = unsafe word.pointee {
            let parts = unsafe String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { all[String(parts[0])] = String(parts[1]) }
            unsafe word += 1
        }
        return all
    }

    /// Lets the kernel send `signal` to this process when the thread that started it ends. Returns
    /// false when the parent has ended already, so that `parent` is not the parent any more.
    package static func followParent(
        _ parent: Int32, with signal: Signal
    ) throws(SystemError) -> Bool {
        try check(plait_parent_death_signal(signal.number), "prctl")
        return getppid() == parent
    }

    /// A descriptor that becomes readable when the child `pid` ends.
    package static func descriptor(of pid: Int32) throws(SystemError) -> Descriptor {
        Descriptor(owning: try check(plait_pidfd_open(pid), "pidfd_open", "process \(pid)"))
    }

    /// A duplicate of a descriptor, closed on exec.
    package static func duplicate(_ number: Int32) throws(SystemError) -> Descriptor {
        let copy = fcntl(number, F_DUPFD_CLOEXEC, 0)
        return Descriptor(owning: try check(copy < 0 ? -errno : copy, "fcntl"))
    }

    /// How a child ended.
    package enum Ending {
        case notYet
        case code(Int32)
        case signal(Signal)
        /// Other code has taken the status.
        case lost
    }

    /// Takes the status of an ended child. The system gives it once, and then forgets the child.
    package static func reap(_ descriptor: Int32) -> Ending {
        ending { unsafe plait_pidfd_reap(descriptor, &$0, &$1) }
    }

    /// As ``reap(_:)``, by number.
    package static func reap(pid: Int32) -> Ending {
        ending { unsafe plait_reap(pid, &$0, &$1) }
    }

    private static func ending(_ call: (inout Int32, inout Int32) -> Int32) -> Ending {
        var code: Int32 = 0
        var signal: Int32 = 0
        switch call(&code, &signal) {
        case 0: return .notYet
        case 1: return signal == 0 ? .code(code) : .signal(Signal(number: signal))
        default: return .lost
        }
    }

    /// Sends a signal to the process behind a descriptor, and never to another process that has got
    /// its number.
    package static func send(
        _ signal: Signal, to descriptor: Int32, pid: Int32
    ) throws(SystemError) {
        try check(
            plait_pidfd_signal(descriptor, signal.number), "pidfd_send_signal", "process \(pid)")
    }

    /// The parent of this process.
    package static var parent: Int32 { getppid() }

    /// Makes this process the parent of descendants whose own parents end.
    package static func becomeSubreaper() throws(SystemError) {
        try check(plait_become_subreaper(), "prctl")
    }

    /// Waits until any child has ended, without taking its status. Returns nil when there is no
    /// child. Blocks the thread.
    package static func awaitChild() throws(SystemError) -> Int32? {
        let result = plait_await_child()
        if result == -ECHILD { return nil }
        return try check(result, "waitid")
    }

    /// Ends the child behind a descriptor and waits until it is gone. Used for a child that could
    /// not be watched.
    package static func discard(_ descriptor: Int32) { plait_pidfd_discard(descriptor) }

    /// Waits until an ending child is gone, unless other code takes its status.
    package static func discard(child pid: Int32) {
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    }
}

/// Pipes, and reads and writes on descriptors that are not sockets.
package enum Pipes {
    /// Makes a pipe, closed on exec.
    package static func make() throws(SystemError) -> (reading: Int32, writing: Int32) {
        var numbers: (Int32, Int32) = (0, 0)
        let code = unsafe withUnsafeMutableBytes(of: &numbers) {
            unsafe plait_pipe($0.assumingMemoryBound(to: Int32.self).baseAddress!)
        }
        try check(code, "pipe2")
        return numbers
    }

    package static func setNonBlocking(_ number: Int32) throws(SystemError) {
        let code = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
        try check(code < 0 ? -errno : code, "fcntl")
    }

    package static func read(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) -> Attempt {
        Attempt.ofCall { unsafe Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    /// Writes without raising SIGPIPE, which would end the program when nobody reads any more.
    package static func write(_ number: Int32, _ bytes: UnsafeRawBufferPointer) -> Attempt {
        guard let base = bytes.baseAddress else { return .done(0) }
        return Attempt.of { unsafe plait_write_pipe(number, base, bytes.count) }
    }

    /// `/dev/null`, for reading and writing.
    package static func openNull() throws(SystemError) -> Descriptor {
        let number = unsafe open("/dev/null", O_RDWR | O_CLOEXEC)
        return Descriptor(owning: try check(number < 0 ? -errno : number, "open", "/dev/null"))
    }

    /// A file for reading, or for writing, which is made if there is none: emptied, or `atEnd`.
    package static func openFile(
        _ path: String, forReading: Bool, atEnd: Bool
    ) throws(SystemError) -> Descriptor {
        if path.utf8.contains(0) {
            throw SystemError(
                errno: .invalidArgument, call: "open", subject: path.replacing("\0", with: "\\0"))
        }
        let flags =
            forReading ? O_RDONLY : O_WRONLY | O_CREAT | (atEnd ? O_APPEND : O_TRUNC)
        let number = unsafe open(path, flags | O_CLOEXEC, 0o666)
        return Descriptor(owning: try check(number < 0 ? -errno : number, "open", path))
    }
}

/// Standard output and standard error, unbuffered.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    /// Writes all of `text`. Blocks the thread, and drops text that cannot be written.
    package func write(_ text: String) { write(Array(text.utf8)) }

    /// Writes as much as it can without waiting for the reader.
    package func writeNow(_ bytes: ArraySlice<UInt8>) -> Attempt {
        unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return .done(0) }
            return Attempt.of { unsafe plait_write_now(rawValue, start, bytes.count) }
        }
    }

    /// As ``write(_:)-(String)``.
    package func write(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { bytes in
            var rest = unsafe bytes
            while unsafe !rest.isEmpty {
                let count = unsafe Glibc.write(rawValue, rest.baseAddress, rest.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    package var isTerminal: Bool { isatty(rawValue) == 1 }

    /// How many characters a line of the terminal has; nil if the stream is not a terminal.
    package var columns: Int? {
        var size = winsize()
        guard unsafe ioctl(rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return nil
        }
        return Int(size.ws_col)
    }
}

/// A variable of the process's environment; nil if it is not set.
package func environmentVariable(_ name: String) -> String? {
    unsafe getenv(name).map { unsafe String(cString: $0) }
}

/// Text for people who look at the program's standard error.
package enum StandardErrorText {
    /// Blocks the thread while a reader of it is slow.
    package static func write(_ text: String) {
        _ = try? FileDescriptor.standardError.writeAll(text.utf8)
    }
}
