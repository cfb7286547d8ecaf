internal import PlaitParking
public import PlaitPlatform
internal import PlaitStrands
internal import SystemPackage

extension StreamSocket {
    /// Connects to `address`.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameters:
    ///   - source: The address to connect from; the system's choice if nil. With port 0, a port that
    ///     is free for this connection, though others of the address may be in use.
    ///   - limit: Longest wait; `nil` waits for as long as the system tries.
    /// - Throws: `StreamError.timedOut`; `SystemError` such as ECONNREFUSED, with the address;
    ///   `CancellationError`.
    /// - Source: Python's `socket.create_connection`.
    @available(*, noasync)
    public static func connect(
        to address: SocketAddress, from source: SocketAddress? = nil, within limit: Duration? = nil
    ) throws -> StreamSocket {
        let deadline = Deadline(within: limit)
        var pause = Duration.milliseconds(1)
        while true {
            let isTCP = address.family != .unix
            let number = try Sockets.open(address.family).release()
            let socket = StreamSocket(owning: number, isTCP: isTCP)
            if let source {
                if isTCP { try? Sockets.set(.bindWithoutPort, of: number, to: true) }
                try Sockets.bind(number, source)
            }
            switch Sockets.connect(number, address) {
            case .done: return socket
            case .wouldBlock:
                guard try socket.descriptor.wait(for: .writable, until: deadline) else {
                    throw StreamError.timedOut(call: "connect to \(address)")
                }
                if let errno = Sockets.error(of: number) {
                    throw SystemError(errno: errno, call: "connect", subject: "\(address)")
                }
                return socket
            case .failed(.resourceTemporarilyUnavailable) where !isTCP:
                // A Unix listener's backlog is full. The system tells nobody when it has room.
                guard deadline > .now else {
                    throw StreamError.timedOut(call: "connect to \(address)")
                }
                try Strand.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(50))
            case .failed(let errno):
                throw SystemError(errno: errno, call: "connect", subject: "\(address)")
            }
        }
    }

    /// Connects to a host by name or number, trying its addresses in turn.
    ///
    /// A name is looked up on a thread of its own, so that the hub goes on meanwhile.
    /// - Throws: `NameResolutionError`; of several failed addresses, the last one's error; else as
    ///   ``connect(to:from:within:)``.
    @available(*, noasync)
    public static func connect(
        host: String, port: Int, within limit: Duration? = nil
    ) throws -> StreamSocket {
        let deadline = Deadline(within: limit)
        let addresses = try addresses(ofHost: host, port: port, within: limit)
        var failure: any Error = NameResolutionError(host: host, reason: "it has no address")
        for address in addresses {
            do {
                return try connect(to: address, within: deadline.remaining)
            } catch let error as SystemError {
                failure = error
            }
        }
        throw failure
    }

    /// Connects to a Unix socket by its path.
    @available(*, noasync)
    public static func connect(
        unixPath path: String, within limit: Duration? = nil
    ) throws -> StreamSocket {
        try connect(to: unixAddress(path), within: limit)
    }
}

func unixAddress(_ path: String) throws -> SocketAddress {
    guard let address = SocketAddress(unixPath: path) else {
        throw SystemError(errno: .fileNameTooLong, call: "bind", subject: "Unix socket \(path)")
    }
    return address
}

/// The addresses of a host: a numeric one as it is, a name as the system resolves it.
func addresses(ofHost host: String, port: Int, within limit: Duration?) throws -> [SocketAddress] {
    if let address = SocketAddress(ip: host, port: port) { return [address] }
    guard (0...65_535).contains(port) else {
        throw NameResolutionError(host: host, reason: "port \(port) is not in 0...65535")
    }
    let lookup = spawn(.thread, name: "resolve \(host)", isDaemon: true) {
        try resolve(host: host, port: port)
    }
    do {
        return try lookup.join(within: limit)
    } catch is JoinTimeout {
        throw StreamError.timedOut(call: "look-up of \(host)")
    }
}
