internal import PlaitParking
package import PlaitPlatform

/// A stream socket that takes connections. Every listener has one.
package final class ListeningSocket: Sendable {
    /// The address on which it listens. If port 0 was given, it has the port that the system chose.
    package let address: SocketAddress
    private let descriptor: PolledDescriptor
    private let file: SocketFile?

    /// - Parameter reusePort: Whether other sockets may listen on the port too.
    /// - Throws: `SystemError` such as EADDRINUSE, with the address.
    package init(
        _ address: SocketAddress, backlog: Int, reusePort: Bool = false
    ) throws(SystemError) {
        let socket = try Sockets.open(address.family)
        if address.family != .unix {
            // Otherwise a restarted server would have to wait until the system has forgotten the
            // old server's connections.
            try Sockets.set(.reuseAddress, of: socket.number, to: true)
            if reusePort { try Sockets.set(.reusePort, of: socket.number, to: true) }
        }
        if address.family == .ipv6 { try Sockets.set(.onlyV6, of: socket.number, to: true) }
        try Sockets.bind(socket.number, address)
        try Sockets.listen(socket.number, backlog: backlog)
        self.address = try Sockets.localAddress(socket.number)
        file = SocketFile(of: self.address)
        descriptor = PolledDescriptor(owning: socket.release())
    }

    /// Takes over a listening socket.
    package init(adopting number: Int32) throws(SystemError) {
        try Sockets.makeNonBlocking(number)
        address = try Sockets.localAddress(number)
        file = SocketFile(of: address)
        descriptor = PolledDescriptor(owning: number)
    }

    /// Lends the number to `body`. It is not closed meanwhile.
    package func withNumber<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        try descriptor.withNumber(body)
    }

    /// Accepts the next connection. The caller owns its descriptor.
    ///
    /// Blocks the calling thread or parks the calling fiber. Several strands may accept at the same
    /// time.
    /// - Returns: Nil when the limit has passed.
    /// - Throws: ``DescriptorClosed``; `SystemError`; `CancellationError`.
    @available(*, noasync)
    package func accept(within limit: Duration? = nil) throws -> Int32? {
        try descriptor.perform(.accept, until: Deadline(within: limit)).map(Int32.init)
    }

    /// Stops taking connections. Strands that accept get ``DescriptorClosed``. Any thread may call
    /// it; a second call does nothing.
    package func close() {
        descriptor.close { try? Sockets.shutdown($0, .both) }
    }

    /// Removes the file of a Unix socket, unless its path now belongs to another socket.
    package func removeFile() { file?.remove() }

    /// Closes the socket in this process only. Another process goes on with it.
    package func closeCopy() { descriptor.close { _ in } }

    package var isClosed: Bool { descriptor.isClosed }
}
