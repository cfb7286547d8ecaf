internal import Glibc

/// The kind of a socket's address.
public enum AddressFamily: Sendable, Hashable {
    case ipv4, ipv6, unix

    package var rawValue: Int32 {
        switch self {
        case .ipv4: AF_INET
        case .ipv6: AF_INET6
        case .unix: AF_UNIX
        }
    }
}

/// Where a socket is bound or connected: an IP address with a port, or a path.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The kernel's form, `struct sockaddr_*`.
    private let bytes: [UInt8]

    /// A numeric IPv4 or IPv6 address, such as `127.0.0.1` or `::1`. Nil for anything else, such as
    /// a name.
    public init?(ip: String, port: Int) {
        // The parser stops at a NUL and would accept the text before it.
        guard (0...65_535).contains(port), !ip.utf8.contains(0) else { return nil }
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = UInt16(port).bigEndian
        if unsafe inet_pton(AF_INET, ip, &four.sin_addr) == 1 {
            bytes = unsafe withUnsafeBytes(of: &four) { unsafe Array($0) }
            return
        }
        var six = sockaddr_in6()
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = UInt16(port).bigEndian
        guard unsafe inet_pton(AF_INET6, ip, &six.sin6_addr) == 1 else { return nil }
        bytes = unsafe withUnsafeBytes(of: &six) { unsafe Array($0) }
    }

    /// A Unix socket's path, at most 107 bytes. A leading NUL names the abstract namespace. A NUL
    /// elsewhere would cut the path short, so such a path gives nil.
    public init?(unixPath path: String) {
        let name = Array(path.utf8)
        guard !name.isEmpty, name.count <= 107, name[0] == 0 || !name.contains(0) else {
            return nil
        }
        var address = [UInt8](repeating: 0, count: 2)
        unsafe address.withUnsafeMutableBytes {
            unsafe $0.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
        }
        // A NUL ends a path; an abstract name has a length instead.
        bytes = address + name + (name[0] == 0 ? [] : [0])
    }

    init(bytes: [UInt8]) { self.bytes = bytes }

    public var family: AddressFamily {
        switch familyNumber {
        case AF_INET: .ipv4
        case AF_INET6: .ipv6
        default: .unix
        }
    }

    /// The port of an IP address; nil for a Unix socket.
    public var port: Int? {
        family == .unix ? nil : Int(bytes[2]) << 8 | Int(bytes[3])
    }

    /// The numeric address without the port, or the path.
    public var host: String {
        if family == .unix {
            let name = bytes.dropFirst(2)
            if name.first == 0 { return "@" + String(decoding: name.dropFirst(), as: UTF8.self) }
            return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
        }
        var text = [UInt8](repeating: 0, count: 64)
        let offset = family == .ipv4 ? 4 : 8
        unsafe bytes.withUnsafeBytes { raw in
            unsafe text.withUnsafeMutableBytes { out in
                _ = unsafe inet_ntop(
                    familyNumber, raw.baseAddress?.advanced(by: offset),
                    out.assumingMemoryBound(to: CChar.self).baseAddress, 64)
            }
        }
        return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// The file of a Unix socket; nil in the abstract namespace, and for IP.
    package var path: String? {
        family == .unix && bytes.count > 2 && bytes[2] != 0 ? host : nil
    }

    public var description: String {
        switch family {
        case .ipv4: "\(host):\(port ?? 0)"
        case .ipv6: "[\(host)]:\(port ?? 0)"
        case .unix: host.isEmpty ? "unnamed Unix socket" : host
        }
    }

    private var familyNumber: Int32 {
        guard bytes.count >= 2 else { return AF_UNIX }
        return unsafe Int32(bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: sa_family_t.self) })
    }

    func withSockaddr<Result>(
        _ body: (UnsafePointer<sockaddr>?, socklen_t) -> Result
    ) -> Result {
        unsafe bytes.withUnsafeBytes {
            unsafe body($0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
    }

    static func filled(
        _ fill: (UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>) -> Void
    ) -> SocketAddress {
        var storage = [UInt8](repeating: 0, count: MemoryLayout<sockaddr_storage>.size)
        var length = socklen_t(storage.count)
        unsafe storage.withUnsafeMutableBytes {
            unsafe fill($0.assumingMemoryBound(to: sockaddr.self).baseAddress, &length)
        }
        return SocketAddress(bytes: Array(storage.prefix(Int(length))))
    }
}

/// Why a name could not be turned into addresses.
public struct NameResolutionError: Error, Sendable, CustomStringConvertible {
    public let host: String
    public let reason: String

    public init(host: String, reason: String) {
        self.host = host
        self.reason = reason
    }

    public var description: String { "cannot resolve \(host): \(reason); check the name" }
}

/// The addresses of a name, in the system's order. Blocks the thread: `getaddrinfo`.
package func resolve(host: String, port: Int) throws(NameResolutionError) -> [SocketAddress] {
    var hints = unsafe addrinfo()
    unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    let code = unsafe getaddrinfo(host, "\(port)", &hints, &list)
    guard code == 0 else {
        throw NameResolutionError(host: host, reason: unsafe String(cString: gai_strerror(code)))
    }
    defer { unsafe freeaddrinfo(list) }
    var found: [SocketAddress] = []
    var next = unsafe list
    while let entry = unsafe next {
        let bytes = unsafe UnsafeRawBufferPointer(
            start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
        found.append(SocketAddress(bytes: unsafe Array(bytes)))
        unsafe next = entry.pointee.ai_next
    }
    return found
}
