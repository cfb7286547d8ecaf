internal import CPlaitLinux
internal import Glibc

/// A signal of the system.
public struct Signal: Hashable, Sendable, CustomStringConvertible {
    public let number: Int32
    public init(number: Int32) { self.number = number }

    public static let interrupt = Signal(number: SIGINT)
    public static let terminate = Signal(number: SIGTERM)
    public static let hangup = Signal(number: SIGHUP)
    public static let kill = Signal(number: SIGKILL)
    /// Lets a stopped process go on.
    package static let resume = Signal(number: SIGCONT)
    public static let child = Signal(number: SIGCHLD)
    public static let user1 = Signal(number: SIGUSR1)
    public static let user2 = Signal(number: SIGUSR2)

    /// Sends the signal to this process, where it takes the action that the process has chosen. By
    /// default most signals end the process.
    ///
    /// A thread that does not block the signal takes it; a `Loop.watch` for the signal then gets
    /// it.
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

/// A watch for signals of the process. Its descriptor becomes readable when a signal has come.
///
/// A handler notes the signal here, whichever thread takes it, even a thread that existed before.
/// Every watch of a signal is told. When the last watch has ended, the signal acts as before.
@safe
package final class SignalSource: @unchecked Sendable {
    // Sendable: `turn` guards the set of watches; the noted signals are atomic.
    /// An event counter.
    package let descriptor: Descriptor
    /// The C side of the watch. This object owns it and frees it in deinit.
    private let watch: OpaquePointer

    /// Guards what all watches of the process share.
    private static let turn = ShortLock()

    /// Begins the watch. Unblocks `signals` in the calling thread, so that at least one thread can
    /// take them.
    /// - Throws: `SystemError`: EINVAL for a number that no signal has, for signals that cannot be
    ///   caught, and for those of faults, such as SIGSEGV.
    package init(_ signals: [Signal]) throws(SystemError) {
        var bits: UInt64 = 0
        for signal in signals {
            try signal.checkNumber("sigaction")
            bits |= 1 << UInt64(signal.number - 1)
        }
        let counter = try makeEventCounter()
        let number = counter.number
        descriptor = counter
        var made: OpaquePointer?
        let code = SignalSource.turn.withLock {
            unsafe plait_watch_signals(bits, number, &made)
        }
        try check(
            code, "sigaction", signals.map(\.description).joined(separator: ", "))
        guard let made = unsafe made else {
            preconditionFailure("plait_watch_signals made nothing")
        }
        unsafe watch = made
    }

    deinit {
        SignalSource.turn.withLock { unsafe plait_unwatch_signals(watch) }
    }

    /// The signals that have come since the last call, in the order of their numbers, each once.
    package func take() -> [Signal] {
        drainEventCounter(descriptor.number)
        let bits = unsafe plait_take_signals(watch)
        return (1...64).filter { bits & 1 << UInt64($0 - 1) != 0 }.map { Signal(number: $0) }
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

/// The signal by which Plait interrupts a blocking system call of a thread: a real-time signal that
/// glibc and the sanitizers do not use.
package let threadInterrupt: Int32 = {
    let number = Int32(SIGRTMIN_()) + 5
    _ = plait_prepare_interrupt(number)
    return number
}()

private func SIGRTMIN_() -> CInt { __libc_current_sigrtmin() }

/// Blocks ``threadInterrupt`` in the calling thread, so that a signal stays pending until the next
/// `ppoll`.
package func holdBackThreadInterrupt() {
    _ = plait_block_signal(threadInterrupt, 1)
}

/// The request of SIGQUIT for a list of all strands: see dump.c.
package enum DumpRequest {
    /// Whether the calling thread must answer the request. A caller that gets true must do so.
    package static func take() -> Bool { plait_dump_take() != 0 }

    /// Makes SIGQUIT interrupt the calling thread's sleeps. The first call installs the handler in
    /// the process.
    /// - Returns: For ``leaveThread(_:)``.
    package static func enterThread() -> Int32 {
        _ = isHeeded
        return plait_dump_enter_thread()
    }

    package static func leaveThread(_ place: Int32) { plait_dump_leave_thread(place) }

    /// Whether a handler of signals that is not Plait's, or a timer of the system's, may still do
    /// something while all threads sleep.
    package static var othersMayInterrupt: Bool {
        plait_others_may_interrupt(threadInterrupt, threadInterrupt + 1) != 0
    }

    private static let isHeeded: Void = plait_dump_on_quit()
}

/// Interrupts the blocking call of one thread of this process.
package func interruptThread(_ kernelID: Int32, by signal: Int32 = threadInterrupt) {
    _ = plait_tgkill(kernelID, signal)
}
