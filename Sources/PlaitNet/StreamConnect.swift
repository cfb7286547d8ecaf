public import PlaitPlatform
internal import PlaitIO
internal import PlaitStrands

extension StreamSocket {
    /// Connects to `address`.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameters:
    ///   - source: The address from which to connect; nil leaves the choice to the system. With
    ///     port 0 the system takes a port that is free for this connection, even if other
    ///     connections of the address use it.
    ///   - limit: Longest wait; `nil` waits for as long as the system tries.
    /// - Throws: `TimedOut`; `SystemError` such as ECONNREFUSED, with the address;
    ///   `CancellationError`.
    /// - Source: Python's `socket.create_connection`.
    @available(*, noasync)
    public static func connect(
        to address: SocketAddress, from source: SocketAddress? = nil, within limit: Duration? = nil
    ) throws -> StreamSocket {
        let descriptor = try SocketConnecting.connect(
            to: address, from: source, until: Deadline(within: limit))
        guard let descriptor else { throw TimedOut("connect to \(address)") }
        return StreamSocket(descriptor, isTCP: address.family != .unix)
    }

    /// Connects to a host by name or number, trying its addresses in turn.
    ///
    /// The look-up of a name runs on a thread of its own, so the hub goes on meanwhile.
    /// - Throws: `NameResolutionError`; if several addresses fail, the error of the last one;
    ///   otherwise as ``connect(to:from:within:)``.
    @available(*, noasync)
    public static func connect(
        host: String, port: Int, within limit: Duration? = nil
    ) throws -> StreamSocket {
        let deadline = Deadline(within: limit)
        let addresses = try SocketConnecting.addresses(ofHost: host, port: port, within: limit)
        guard let addresses else { throw TimedOut("look-up of \(host)") }
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
        try connect(to: SocketConnecting.unixAddress(path), within: limit)
    }

    // MARK: For tasks

    /// As the sync form, suspending the calling task.
    public static func connect(
        to address: SocketAddress, from source: SocketAddress? = nil, within limit: Duration? = nil
    ) async throws -> StreamSocket {
        try await ServiceHub.run { try connect(to: address, from: source, within: limit) }
    }

    /// As the sync form, suspending the calling task.
    public static func connect(
        host: String, port: Int, within limit: Duration? = nil
    ) async throws -> StreamSocket {
        try await ServiceHub.run { try connect(host: host, port: port, within: limit) }
    }

    /// As the sync form, suspending the calling task.
    public static func connect(
        unixPath path: String, within limit: Duration? = nil
    ) async throws -> StreamSocket {
        try await ServiceHub.run { try connect(unixPath: path, within: limit) }
    }
}
