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
        return repeated {
            unsafe plait_send_passing(
                number, start, head.count, body.baseAddress, body.count, passed ?? -1)
        }
    }

    /// Receives from a Unix socket; appends the descriptors that came with the bytes to `passed`,
    /// which then owns them.
    package static func receive(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer, passed: inout [Int32]
    ) -> Attempt {
        guard let start = buffer.baseAddress else { return .done(0) }
        let most = 16
        return unsafe withUnsafeTemporaryAllocation(of: Int32.self, capacity: most) { room in
            var count: Int32 = 0
            let attempt = repeated {
                unsafe plait_receive_passed(
                    number, start, buffer.count, room.baseAddress.unsafelyUnwrapped, Int32(most),
                    &count)
            }
            for index in 0..<Int(count) { unsafe passed.append(room[index]) }
            return attempt
        }
    }

    private static func repeated(_ call: () -> Int) -> Attempt {
        while true {
            switch call() {
            case -Int(EINTR): continue
            case -Int(EAGAIN): return .wouldBlock
            case let result where result >= 0: return .done(result)
            case let code: return .failed(Errno(rawValue: Int32(-code)))
            }
        }
    }

    /// Makes calls on the descriptor return EAGAIN rather than block.
    package static func makeNonBlocking(_ number: Int32) throws(SystemError) {
        let flags = fcntl(number, F_GETFL)
        let code = flags < 0 ? flags : fcntl(number, F_SETFL, flags | O_NONBLOCK)
        try check(code < 0 ? -errno : 0, "fcntl")
    }
}
