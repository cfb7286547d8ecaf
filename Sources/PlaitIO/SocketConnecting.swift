internal import PlaitParking
package import PlaitPlatform
internal import PlaitStrands
internal import SystemPackage

/// Connects stream sockets, for every kind of connection.
package enum SocketConnecting {
    /// Makes a socket that is connected to `address`.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter source: The address to connect from; the system's choice if nil.
    /// - Returns: Nil when the deadline has passed.
    /// - Throws: `SystemError` such as ECONNREFUSED, with the address; `CancellationError`.
    @available(*, noasync)
    package static func connect(
        to address: SocketAddress, from source: SocketAddress? = nil, until deadline: Deadline
    ) throws -> PolledDescriptor? {
        var pause = Duration.milliseconds(1)
        while true {
            let isTCP = address.family != .unix
            let descriptor = PolledDescriptor(owning: try Sockets.open(address.family).release())
            let number = descriptor.number
            if let source {
                if isTCP { try? Sockets.set(.bindWithoutPort, of: number, to: true) }
                try Sockets.bind(number, source)
            }
            do {
                return try descriptor.perform(.connect(address), until: deadline) == nil
                    ? nil : descriptor
            } catch let error as SystemError
                where error.errno == .resourceTemporarilyUnavailable && !isTCP
            {
                // A Unix listener's backlog is full, and the system does not tell when it has room
                // again.
                guard deadline > .now else { return nil }
                try Strand.sleep(for: pause)
                pause = min(pause * 2, .milliseconds(50))
            } catch let error as SystemError {
                throw SystemError(errno: error.errno, call: "connect", subject: "\(address)")
            }
        }
    }

    /// The addresses of a host. A numeric address stays as it is; the system resolves a name, on a
    /// thread of its own. Nil when the limit has passed.
    @available(*, noasync)
    package static func addresses(
        ofHost host: String, port: Int, within limit: Duration?
    ) throws -> [SocketAddress]? {
        try check(host, port)
        if let address = SocketAddress(ip: host, port: port) { return [address] }
        let lookup = spawn(.thread, name: "resolve \(host)", isDaemon: true) {
            try resolve(host: host, port: port)
        }
        do {
            return try lookup.join(within: limit)
        } catch is TimedOut {
            return nil
        }
    }

    /// Refuses values that the system would cut short or wrap around.
    private static func check(_ host: String, _ port: Int) throws {
        guard (0...65_535).contains(port) else {
            throw NameResolutionError(host: host, reason: "port \(port) is not in 0...65535")
        }
        if host.utf8.contains(0) {
            throw NameResolutionError(
                host: host.replacing("\0", with: "\\0"), reason: "it has a NUL character")
        }
    }

    /// The address of a Unix socket's path; a leading NUL names the abstract namespace.
    /// - Throws: `SystemError`: ENAMETOOLONG.
    package static func unixAddress(_ path: String) throws -> SocketAddress {
        guard let address = SocketAddress(unixPath: path) else {
            throw SystemError(errno: .fileNameTooLong, call: "bind", subject: "Unix socket \(path)")
        }
        return address
    }

    /// The first address of a host, for a listener.
    package static func localAddress(_ host: String, port: Int) throws -> SocketAddress {
        try check(host, port)
        guard
            let address = try SocketAddress(ip: host, port: port)
                ?? resolve(host: host, port: port).first
        else { throw NameResolutionError(host: host, reason: "it has no address") }
        return address
    }
}
