internal import PlaitIO
public import PlaitPlatform
public import PlaitProcesses
internal import PlaitStrands

extension Connection {
    /// Connects to a ``ConnectionListener``.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameters:
    ///   - key: The listener's key; nil for a listener without a key.
    ///   - limit: Longest wait for the whole call. `nil` waits as long as the system tries to
    ///     connect, and then five seconds for the listener's part of the authentication.
    /// - Throws: ``AuthenticationError``; `TimedOut`; `SystemError` such as ECONNREFUSED,
    ///   with the address; `CancellationError`.
    /// - Source: Python's `multiprocessing.connection.Client`.
    @available(*, noasync)
    public static func connect(
        to address: SocketAddress, key: [UInt8]?, within limit: Duration? = nil
    ) throws -> Connection {
        let deadline = Deadline(within: limit)
        guard let descriptor = try SocketConnecting.connect(to: address, until: deadline) else {
            throw TimedOut("connect to \(address)")
        }
        let isUnix = address.family == .unix
        if !isUnix { try Sockets.set(.noDelay, of: descriptor.number, to: true) }
        let connection = Connection(descriptor, passesDescriptors: isUnix)
        if let key {
            let end = min(deadline, Deadline(within: Handshake.limit))
            do {
                try Handshake.make(connection, to: address, key: key, until: end)
            } catch let error as AuthenticationError
                where error.reason == .silent && deadline.remaining == .zero
            {
                throw TimedOut("connect to \(address)")
            }
        }
        return connection
    }

    /// Connects to a listener by name or number, trying the host's addresses in turn; see
    /// ``connect(to:key:within:)``.
    /// - Throws: As ``connect(to:key:within:)``; `NameResolutionError`.
    @available(*, noasync)
    public static func connect(
        host: String, port: Int, key: [UInt8]?, within limit: Duration? = nil
    ) throws -> Connection {
        let deadline = Deadline(within: limit)
        let addresses = try SocketConnecting.addresses(ofHost: host, port: port, within: limit)
        guard let addresses else { throw TimedOut("look-up of \(host)") }
        var failure: any Error = NameResolutionError(host: host, reason: "it has no address")
        for address in addresses {
            do {
                return try connect(to: address, key: key, within: deadline.remaining)
            } catch let error as SystemError {
                failure = error
            }
        }
        throw failure
    }

    /// Connects to a listener on a Unix socket; see ``connect(to:key:within:)``.
    @available(*, noasync)
    public static func connect(
        unixPath path: String, key: [UInt8]?, within limit: Duration? = nil
    ) throws -> Connection {
        try connect(to: SocketConnecting.unixAddress(path), key: key, within: limit)
    }

    /// Connects to a ``ConnectionListener``, suspending the calling task.
    public static func connect(
        to address: SocketAddress, key: [UInt8]?, within limit: Duration? = nil
    ) async throws -> Connection {
        try await ServiceHub.run { try connect(to: address, key: key, within: limit) }
    }

    /// Connects to a listener by name or number, suspending the calling task.
    public static func connect(
        host: String, port: Int, key: [UInt8]?, within limit: Duration? = nil
    ) async throws -> Connection {
        try await ServiceHub.run { try connect(host: host, port: port, key: key, within: limit) }
    }

    /// Connects to a listener on a Unix socket, suspending the calling task.
    public static func connect(
        unixPath path: String, key: [UInt8]?, within limit: Duration? = nil
    ) async throws -> Connection {
        try await ServiceHub.run { try connect(unixPath: path, key: key, within: limit) }
    }
}
