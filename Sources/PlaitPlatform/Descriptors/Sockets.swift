internal import CPlaitLinux
internal import Glibc
package import SystemPackage

/// The socket calls of Linux, on non-blocking descriptors. They repeat an interrupted call.
package enum Sockets {
    package static func receive(
        _ number: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) -> Attempt {
        Attempt.ofCall { unsafe recv(number, buffer.baseAddress, buffer.count, 0) }
    }

    /// Whether there is something to receive: a byte or the end. Takes nothing from the socket.
    package static func peek(_ number: Int32) -> Attempt {
        var byte: UInt8 = 0
        return Attempt.ofCall { unsafe recv(number, &byte, 1, Int32(MSG_PEEK)) }
    }

    package static func send(_ number: Int32, _ bytes: UnsafeRawBufferPointer) -> Attempt {
        Attempt.ofCall {
            unsafe Glibc.send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
    }

    /// The next connection of a listening socket, non-blocking and closed on exec.
    package static func accept(_ listener: Int32) -> Attempt {
        // Skip connections that were aborted while they waited.
        Attempt.of(repeatedAfter: -ECONNABORTED) { Int(plait_accept(listener)) }
    }

    package static func open(_ family: AddressFamily) throws(SystemError) -> Descriptor {
        let type =
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            | Int32(SOCK_CLOEXEC.rawValue)
        return Descriptor(owning: try check(result(socket(family.rawValue, type, 0)), "socket"))
    }

    package static func bind(_ number: Int32, _ address: SocketAddress) throws(SystemError) {
        let code = unsafe address.withSockaddr { unsafe Glibc.bind(number, $0, $1) }
        try check(result(code), "bind", address.description)
    }

    package static func listen(_ number: Int32, backlog: Int) throws(SystemError) {
        try check(result(Glibc.listen(number, Int32(clamping: backlog))), "listen")
    }

    /// `.wouldBlock` while the connection is being made: wait for writability, then ``error(of:)``.
    package static func connect(_ number: Int32, _ address: SocketAddress) -> Attempt {
        let code = unsafe address.withSockaddr { unsafe Glibc.connect(number, $0, $1) }
        if code == 0 { return .done(0) }
        // An interrupted connect goes on, and repeating it would return EALREADY. A Unix socket
        // with a full backlog returns EAGAIN and makes no progress, so the caller must not wait for
        // it. A second call tells how the first one ended.
        switch errno {
        case EINPROGRESS, EALREADY, EINTR: return .wouldBlock
        case EISCONN: return .done(0)
        case let other: return .failed(Errno(rawValue: other))
        }
    }

    /// Takes the pending error of a socket; nil when there is none.
    package static func error(of number: Int32) -> Errno? {
        let code = option(number, SOL_SOCKET, SO_ERROR)
        return code == 0 ? nil : Errno(rawValue: code)
    }

    package enum Half: Int32 { case reading = 0, writing = 1, both = 2 }

    package static func shutdown(_ number: Int32, _ half: Half) throws(SystemError) {
        try check(result(Glibc.shutdown(number, half.rawValue)), "shutdown")
    }

    package static func localAddress(_ number: Int32) throws(SystemError) -> SocketAddress {
        var code: Int32 = 0
        let address = unsafe SocketAddress.filled { unsafe code = getsockname(number, $0, $1) }
        try check(result(code), "getsockname")
        return address
    }

    package static func peerAddress(_ number: Int32) throws(SystemError) -> SocketAddress {
        var code: Int32 = 0
        let address = unsafe SocketAddress.filled { unsafe code = getpeername(number, $0, $1) }
        try check(result(code), "getpeername")
        return address
    }

    package enum Option {
        case noDelay, reuseAddress, reusePort, onlyV6, bindWithoutPort

        fileprivate var pair: (Int32, Int32) {
            switch self {
            case .noDelay: (Int32(IPPROTO_TCP), TCP_NODELAY)
            case .reuseAddress: (SOL_SOCKET, SO_REUSEADDR)
            case .reusePort: (SOL_SOCKET, SO_REUSEPORT)
            case .onlyV6: (Int32(IPPROTO_IPV6), IPV6_V6ONLY)
            case .bindWithoutPort: (Int32(IPPROTO_IP), 24)
            }
        }
    }

    package static func set(_ option: Option, of number: Int32, to on: Bool) throws(SystemError) {
        var value: Int32 = on ? 1 : 0
        let (level, name) = option.pair
        let code = unsafe setsockopt(number, level, name, &value, 4)
        try check(result(code), "setsockopt", "\(option)")
    }

    package static func isSet(_ option: Option, of number: Int32) -> Bool {
        Sockets.option(number, option.pair.0, option.pair.1) != 0
    }

    /// Makes close() send a reset and drop unsent data (`SO_LINGER` of zero).
    package static func resetOnClose(_ number: Int32) {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(
            number, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    /// A connected pair of Unix stream sockets.
    package static func pair() throws(SystemError) -> (Int32, Int32) {
        var numbers: (Int32, Int32) = (0, 0)
        let type =
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            | Int32(SOCK_CLOEXEC.rawValue)
        let code = unsafe withUnsafeMutableBytes(of: &numbers) {
            unsafe socketpair(AF_UNIX, type, 0, $0.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        try check(result(code), "socketpair")
        return numbers
    }

    private static func option(_ number: Int32, _ level: Int32, _ name: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(4)
        _ = unsafe getsockopt(number, level, name, &value, &length)
        return value
    }

    private static func result(_ code: Int32) -> Int32 { code < 0 ? -errno : code }
}
