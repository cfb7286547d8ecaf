@testable import PlaitPlatform
import Testing

struct SocketAddressTests {
    @Test func `an IPv4 address keeps its host and port`() throws {
        let address = try #require(SocketAddress(ip: "192.0.2.7", port: 8080))
        #expect(address.family == .ipv4)
        #expect(address.host == "192.0.2.7")
        #expect(address.port == 8080)
        #expect(address.description == "192.0.2.7:8080")
    }

    @Test func `an IPv6 address is put in brackets before its port`() throws {
        let address = try #require(SocketAddress(ip: "2001:db8:0:0::1", port: 443))
        #expect(address.family == .ipv6)
        #expect(address.host == "2001:db8::1")
        #expect(address.port == 443)
        #expect(address.description == "[2001:db8::1]:443")
    }

    @Test func `the ports at the ends of the range hold`() {
        #expect(SocketAddress(ip: "127.0.0.1", port: 0)?.port == 0)
        #expect(SocketAddress(ip: "::1", port: 65_535)?.port == 65_535)
    }

    @Test(arguments: [-1, 65_536, Int.max, Int.min])
    func `a port out of range is refused`(_ port: Int) {
        #expect(SocketAddress(ip: "127.0.0.1", port: port) == nil)
        #expect(SocketAddress(ip: "::1", port: port) == nil)
    }

    @Test(arguments: [
        "", "localhost", "127.0.0", "256.0.0.1", "127.0.0.1:80", " 127.0.0.1", "127.0.0.1 ", ":::",
        "[::1]", "12345::", "127.0.0.1\0.example.org", "::1\0",
    ])
    func `what is no numeric address is refused`(_ text: String) {
        #expect(SocketAddress(ip: text, port: 80) == nil)
    }

    @Test func `a Unix path has no port`() throws {
        let address = try #require(SocketAddress(unixPath: "/run/app.sock"))
        #expect(address.family == .unix)
        #expect(address.host == "/run/app.sock")
        #expect(address.port == nil)
        #expect(address.description == "/run/app.sock")
    }

    @Test func `an abstract name is shown with an at sign`() throws {
        let address = try #require(SocketAddress(unixPath: "\0plait"))
        #expect(address.family == .unix)
        #expect(address.description == "@plait")
    }

    @Test func `a path is at most 107 bytes`() {
        #expect(SocketAddress(unixPath: String(repeating: "a", count: 107)) != nil)
        #expect(SocketAddress(unixPath: String(repeating: "a", count: 108)) == nil)
        // Bytes, not characters.
        #expect(SocketAddress(unixPath: String(repeating: "ä", count: 54)) == nil)
    }

    @Test(arguments: ["", "/run/a\0b", "a\0"])
    func `a path that the kernel would cut short is refused`(_ path: String) {
        #expect(SocketAddress(unixPath: path) == nil)
    }

    @Test func `equal addresses are equal, whoever made them`() throws {
        let one = try #require(SocketAddress(ip: "::1", port: 1))
        #expect(one == SocketAddress(ip: "0:0::1", port: 1))
        #expect(one != SocketAddress(ip: "::1", port: 2))
        #expect(one != SocketAddress(ip: "127.0.0.1", port: 1))
        #expect(Set([one, one]).count == 1)
    }

    @Test func `numeric hosts resolve to themselves`() throws {
        #expect(
            try resolve(host: "127.0.0.1", port: 80) == [SocketAddress(ip: "127.0.0.1", port: 80)])
        #expect(try resolve(host: "::1", port: 80) == [SocketAddress(ip: "::1", port: 80)])
    }

    @Test func `a name that cannot be resolved is an error that names it`() {
        // A host name must not be longer than 255 bytes: the resolver asks nobody about this one.
        let name = String(repeating: "a", count: 300)
        let error = #expect(throws: NameResolutionError.self) { try resolve(host: name, port: 1) }
        #expect(error?.host == name)
        #expect(error?.description.contains(name) == true)
    }
}
