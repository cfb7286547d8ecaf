import PlaitNet
import PlaitParking
import PlaitPlatform
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct StreamConnectTests {
    @Test(arguments: StrandKind.allCases)
    func `a refused connection is an error that names the address`(_ kind: StrandKind) async throws
    {
        try await onStrand(kind) {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            listener.close()
            let error = #expect(throws: SystemError.self) {
                try StreamSocket.connect(to: listener.address)
            }
            #expect(error?.errno == .connectionRefused)
            #expect(error?.description.contains("127.0.0.1:\(listener.port)") == true)
        }
    }

    @Test func `a client chooses the address it comes from`() async throws {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let source = try #require(SocketAddress(ip: "127.0.0.7", port: 0))
            let client = try StreamSocket.connect(to: listener.address, from: source)
            #expect(try listener.accept().peerAddress.host == "127.0.0.7")
            #expect(try client.localAddress.host == "127.0.0.7")
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a name is looked up`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let client = try StreamSocket.connect(host: "localhost", port: listener.port)
            #expect(try client.peerAddress.port == listener.port)
        }
    }

    @Test func `a name that does not exist is an error that names it`() async throws {
        try await onThread {
            let error = #expect(throws: NameResolutionError.self) {
                try StreamSocket.connect(host: "no such host", port: 80)
            }
            #expect(error?.description.contains("no such host") == true)
        }
    }

    @Test func `a Unix path that is too long is refused`() async throws {
        try await onThread {
            _ = #expect(throws: SystemError.self) {
                try StreamSocket.connect(unixPath: String(repeating: "x", count: 200))
            }
        }
    }
}
