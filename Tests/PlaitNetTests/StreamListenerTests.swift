import PlaitIO
import PlaitNet
import PlaitParking
import PlaitPlatform
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct StreamListenerTests {
    @Test func `the system chooses the port when 0 is asked for`() throws {
        let listener = try StreamListener(host: "127.0.0.1", port: 0)
        #expect(listener.port > 0)
        #expect(listener.address.host == "127.0.0.1")
    }

    @Test func `a port in use is an error that names the address`() throws {
        let listener = try StreamListener(host: "127.0.0.1", port: 0)
        let error = #expect(throws: SystemError.self) {
            try StreamListener(host: "127.0.0.1", port: listener.port)
        }
        #expect(error?.errno == .addressInUse)
        #expect(error?.description.contains("127.0.0.1:\(listener.port)") == true)
    }

    @Test func `two listeners share a port if both say so`() throws {
        let one = try StreamListener(host: "127.0.0.1", port: 0, reusePort: true)
        let two = try StreamListener(host: "127.0.0.1", port: one.port, reusePort: true)
        #expect(one.port == two.port)
    }

    @Test(arguments: StrandKind.allCases)
    func `accept waits at most its limit`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            #expect(throws: TimedOut.self) {
                try listener.accept(within: .milliseconds(5))
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `closing ends an accept on another thread`(_ kind: StrandKind) async throws {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let accepter = spawn(.thread) {
                try spawn(kind: kind) {
                    _ = #expect(throws: StreamError.closed) { try listener.accept() }
                }.join()
            }
            Strand.yield()
            listener.close()
            try accepter.join()
        }
    }

    @Test func `several fibers accept from one listener`() async throws {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let accepters = (0..<3).map { _ in spawn(.fiber) { try listener.accept() } }
            Strand.yield()
            let clients = try (0..<3).map { _ in try StreamSocket.connect(to: listener.address) }
            for accepter in accepters { try accepter.join().write("in") }
            for client in clients { #expect(try client.readExactly(2) == Array("in".utf8)) }
        }
    }
}
