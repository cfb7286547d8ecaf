internal import CPlaitLinux
internal import Glibc
internal import SystemPackage

extension Sockets {
    /// Sends two runs of bytes as one on a Unix socket, and a descriptor with the first of them.
    package static func send(
        _ number: Int32, _ head: UnsafeRawBufferPointer, _ body: UnsafeRawBufferPointer,
        passing passed: Int32?
    ) -> Attempt {
        guard let start = head.baseAddress else { return .done(0) }
        return Attempt.of {
            unsafe plait_send_passing(
                number, start, head.count, body.baseAddress, body.count, passed ?? -1)
        }
    }

    /// A descriptor that came with bytes.
    package enum Passed {
        case none
        /// A descriptor that the receiver of this value owns.
        case descriptor(Int32)
        /// A descriptor came that this process could not take.
        case lost
    }

    /// Receives bytes from a Unix socket, and a descriptor if one came with them.
    package static func receive(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer, passed: inout Passed
    ) -> Attempt {
        guard let start = buffer.baseAddress else { return .done(0) }
        var descriptor: Int32 = -1
        let attempt = Attempt.of {
            unsafe plait_receive_passed(number, start, buffer.count, &descriptor)
        }
        passed = descriptor >= 0 ? .descriptor(descriptor) : descriptor == -2 ? .lost : .none
        return attempt
    }

    /// Makes calls on the descriptor return EAGAIN rather than block.
    package static func makeNonBlocking(_ number: Int32) throws(SystemError) {
        let flags = fcntl(number, F_GETFL)
        let code = flags < 0 ? flags : fcntl(number, F_SETFL, flags | O_NONBLOCK)
        try check(code < 0 ? -errno : 0, "fcntl")
    }
}
