import PlaitIO
import PlaitNet
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct DrainTests {
    /// A server that echoes in strands or tasks of this kind.
    private func serve(
        _ listener: StreamListener, _ kind: WaiterKind
    ) -> Task<Void, any Error> {
        Task {
            switch kind {
            case .thread:
                try await onThread { try listener.serve(kind: .thread, echo) }
            case .fiber:
                try await onThread { try listener.serve(echo) }
            case .task:
                try await listener.serve { connection in
                    while case let bytes = try await connection.readSome(), !bytes.isEmpty {
                        try await connection.write(bytes)
                    }
                }
            }
        }
    }

    private func client(of listener: StreamListener) async throws -> StreamSocket {
        let client = try await StreamSocket.connect(to: listener.address)
        try await client.write("here\n")
        #expect(try await client.readLine() == "here")
        return client
    }

    @Test(arguments: WaiterKind.allCases)
    func `a drain lets connections finish, and takes no new ones`(_ kind: WaiterKind) async throws {
        let listener = try StreamListener(host: "127.0.0.1", port: 0)
        let server = serve(listener, kind)
        let old = try await client(of: listener)
        #expect(listener.workCount == 1)
        let draining = Task { try await listener.drain(within: .seconds(600)) }
        try await until { listener.isClosed }
        // The hub's thread closes the socket, some time after the listener says so: a connection in
        // between is taken by the system, and reset.
        let address = listener.address
        try await until { @Sendable in
            do {
                try await StreamSocket.connect(to: address).close()
                return false
            } catch {
                return error is SystemError
            }
        }
        try await old.write("after\n")
        #expect(try await old.readLine() == "after")
        old.close()
        #expect(try await draining.value == DrainReport(finished: 1, cut: 0))
        try await server.value
    }

    @Test(arguments: WaiterKind.allCases)
    func `a drain cuts off at its limit, and says how many`(_ kind: WaiterKind) async throws {
        let listener = try StreamListener(host: "127.0.0.1", port: 0)
        let server = serve(listener, kind)
        let (one, other) = (try await client(of: listener), try await client(of: listener))
        #expect(
            try await listener.drain(within: .milliseconds(5))
                == DrainReport(finished: 0, cut: 2))
        #expect(try await one.readSome().isEmpty)
        #expect(try await other.readSome().isEmpty)
        try await server.value
    }

    @Test func `several listeners drain as one`() async throws {
        let listeners = try (0..<3).map { _ in try StreamListener(host: "127.0.0.1", port: 0) }
        let servers = zip(listeners, WaiterKind.allCases).map { serve($0, $1) }
        var clients: [StreamSocket] = []
        for listener in listeners { clients.append(try await client(of: listener)) }
        clients[1].close()
        try await until { listeners[1].workCount == 0 }
        #expect(
            try await onThread { try listeners.drain(within: .milliseconds(5)) }
                == DrainReport(finished: 0, cut: 2))
        for server in servers { try await server.value }
    }

    @Test func `two that wait for the same listener both see its last connection end`() async throws
    {
        let listener = try StreamListener(host: "127.0.0.1", port: 0)
        let servers = [serve(listener, .fiber), serve(listener, .fiber)]
        let only = try await client(of: listener)
        let drains = (0..<8).map { _ in Task { try await listener.drain(within: .seconds(600)) } }
        try await until { listener.isClosed }
        only.close()
        for drain in drains { #expect(try await drain.value.cut == 0) }
        for server in servers { try await server.value }
    }

    @Test func `a cancelled task that serves cancels its connections`() async throws {
        let listener = try StreamListener(host: "127.0.0.1", port: 0)
        let server = serve(listener, .task)
        let client = try await client(of: listener)
        server.cancel()
        await #expect(throws: CancellationError.self) { try await server.value }
        #expect(try await client.readSome().isEmpty)
        listener.close()
    }

    @Test func `a cancelled task reads what has come, as a fiber does`() async throws {
        let (near, far) = try StreamSocket.pair()
        try await far.write("one\ntwo\nthree")
        let reading = Task { () async throws in
            #expect(try await near.readLine() == "one")
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            #expect(try await near.readLine() == "two")
            #expect(try await near.readExactly(3) == Array("thr".utf8))
            #expect(try await near.readSome() == Array("ee".utf8))
            await #expect(throws: CancellationError.self) { try await near.readSome() }
        }
        try await reading.value
    }
}
