import Foundation
import PlaitPlatform
import PlaitProcesses
import PlaitRemote
import Testing

/// Where the tests listen.
enum Place: String, CaseIterable, Codable, Sendable {
    case ipv4, ipv6, path, abstract

    /// An address that nobody uses.
    func address() throws -> SocketAddress {
        let name = "plait-\(UUID().uuidString)"
        let address =
            switch self {
            case .ipv4: SocketAddress(ip: "127.0.0.1", port: 0)
            case .ipv6: SocketAddress(ip: "::1", port: 0)
            case .path: SocketAddress(unixPath: "/tmp/\(name)")
            case .abstract: SocketAddress(unixPath: "\0\(name)")
            }
        return try #require(address)
    }
}

let key = Array("the tests' key".utf8)
