internal import CPlaitLinux
internal import Glibc

/// A signal that a program may be sent.
public struct Signal: Hashable, Sendable, CustomStringConvertible {
    public let number: Int32
    public init(number: Int32) { self.number = number }

    public static let interrupt = Signal(number: SIGINT)
    public static let terminate = Signal(number: SIGTERM)
    public static let hangup = Signal(number: SIGHUP)
    public static let kill = Signal(number: SIGKILL)
    public static let child = Signal(number: SIGCHLD)
    public static let user1 = Signal(number: SIGUSR1)
    public static let user2 = Signal(number: SIGUSR2)

    /// Sends it to this process, where it does what the process has chosen for it: by default, most
    /// end the process.
    ///
    /// A thread that does not block it takes it, or a `Loop.watch` where all do.
    /// - Throws: `SystemError`: EINVAL for a number that no signal has.
    /// - Source: Python's `signal.raise_signal`, `os.kill(os.getpid(), …)`.
    public func raise() throws(SystemError) {
        try checkNumber("kill")
        try send(self, toProcess: processID())
    }

    /// Throws EINVAL for a number that no signal has.
    package func checkNumber(_ call: String) throws(SystemError) {
        guard (1...64).contains(number) else {
            throw SystemError(negative: -EINVAL, call: call, subject: "signal \(number)")
        }
    }

    public var description: String {
        guard let name = unsafe strsignal(number) else { return "signal \(number)" }
        return unsafe "signal \(number) (\(String(cString: name)))"
    }
}

/// Signals delivered as readable bytes of a descriptor: signalfd(2).
package struct SignalDescriptor: ~Copyable, Sendable {
    package let descriptor: Descriptor

    /// Blocks `signals` in the calling thread, and in threads that it starts later, so that they
    /// arrive here. Call it before other threads exist, or they take the signals.
    package init(_ signals: [Signal]) throws(SystemError) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal.number) }
        _ = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        descriptor = Descriptor(owning: try check(unsafe plait_signalfd(-1, &set), "signalfd"))
    }

    /// The next pending signal, nil when none is left.
    package func next() -> Signal? {
        let number = plait_signalfd_read(descriptor.number)
        return number > 0 ? Signal(number: number) : nil
    }
}

/// Unblocks `signals` in the calling thread.
package func unblockSignals(_ signals: [Signal]) {
    for signal in signals { _ = plait_block_signal(signal.number, 0) }
}

/// Sends `signal` to the process `pid`.
package func send(_ signal: Signal, toProcess pid: Int32) throws(SystemError) {
    try check(kill(pid, signal.number) < 0 ? -errno : 0, "kill", "process \(pid)")
}

/// The signal that ends a blocking system call of a thread of ours: a real-time signal which glibc
/// and sanitizers leave alone.
package let threadInterrupt: Int32 = {
    let number = Int32(SIGRTMIN_()) + 5
    _ = plait_prepare_interrupt(number)
    return number
}()

private func SIGRTMIN_() -> CInt { __libc_current_sigrtmin() }

/// Blocks ``threadInterrupt`` in the calling thread, so that it waits for the next `ppoll`.
package func holdBackThreadInterrupt() {
    _ = plait_block_signal(threadInterrupt, 1)
}

/// Interrupts the blocking call of one thread of this process.
package func interruptThread(_ kernelID: Int32, by signal: Int32 = threadInterrupt) {
    _ = plait_tgkill(kernelID, signal)
}
