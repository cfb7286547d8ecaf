import PlaitIO
import PlaitNet
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// What closing ends, and that a closed stream touches nobody else's descriptor.
@Suite(.timeLimit(.hang))
struct ClosingTests {
    @Test func `no verb of a closed socket reaches the one that has its number now`() async throws {
        try await onThread {
            let listener = try TCPListener(host: "127.0.0.1", port: 0)
            func pair() throws -> (TCPStream, TCPStream) {
                (try TCPStream.connect(to: listener.address), try listener.accept())
            }
            let (old, oldPeer) = try pair()
            old.close()
            oldPeer.close()
            // One of these has the old one's number.
            let (near, far) = try pair()
            #expect(throws: StreamError.closed) { try old.shutdownWriting() }
            #expect(throws: StreamError.closed) { try old.endWriting() }
            #expect(throws: StreamError.closed) { try old.peerAddress }
            #expect(throws: StreamError.closed) { try old.localAddress }
            old.noDelay = false
            oldPeer.noDelay = false
            #expect(near.noDelay && far.noDelay)
            old.reset()
            oldPeer.reset()
            try near.write("arrives")
            near.close()
            #expect(try far.readToEnd() == Array("arrives".utf8))
            try far.write("x")
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `closing ends a wait, by whichever strand`(_ kind: WaiterKind) async throws {
        let (near, far) = try StreamSocket.pair()
        let begun = Event()
        let failure = Box<StreamError?>(nil)
        let waiter = Task {
            do {
                switch kind {
                case .task:
                    begun.set()
                    _ = try await near.readSome()
                case .thread:
                    try await onStrand(.thread) {
                        begun.set()
                        _ = try near.readSome()
                    }
                case .fiber:
                    try await onStrand(.fiber) {
                        begun.set()
                        _ = try near.readSome()
                    }
                }
            } catch let error as StreamError {
                failure.set(error)
            }
        }
        _ = try await begun.wait()
        near.close()
        try await waiter.value
        #expect(failure.value == .closed)
        far.close()
    }

    @Test func `a port that is none, and a host with a NUL, are errors`() async throws {
        try await onThread {
            for port in [65_536, 70_000, -1, 1 << 33] {
                #expect(throws: NameResolutionError.self) {
                    try TCPListener(host: "127.0.0.1", port: port)
                }
                #expect(throws: NameResolutionError.self) {
                    try TCPStream.connect(host: "127.0.0.1", port: port)
                }
            }
            #expect(throws: NameResolutionError.self) {
                try TCPListener(host: "127.0.0.1\0.example.org", port: 0)
            }
            #expect(throws: NameResolutionError.self) {
                try TCPStream.connect(host: "127.0.0.1\0.example.org", port: 80)
            }
        }
    }

    @Test func `a client that sends lines without pause does not keep the hub`() async throws {
        try await onThread {
            let (near, far) = try StreamSocket.pair()
            let line = String(repeating: "abcdefg\n", count: 8_192)
            let turns = Box(0)
            let reader = spawn(.fiber) {
                // The lines of one packet.
                for _ in 0..<8_192 { _ = try far.readLine() }
                return turns.value
            }
            let isOver = Box(false)
            let other = spawn(.fiber) {
                while !isOver.value {
                    turns.update { $0 += 1 }
                    Strand.yield()
                }
            }
            let writer = spawn(.fiber) { try near.write(line) }
            #expect(try reader.join() > 64)
            try writer.join()
            isOver.set(true)
            try other.join()
        }
    }

    @Test func `header and body of a reply leave in one system call`() async throws {
        try await onThread {
            let (near, far) = try StreamSocket.pair()
            try near.write(Array("head".utf8), Array("body".utf8))
            #expect(try far.readSome(within: .zero) == Array("headbody".utf8))
            let long = [UInt8](repeating: 7, count: 1 << 20)
            let writer = spawn(.fiber) { try near.write(Array("head".utf8), long) }
            #expect(try far.readExactly(4) == Array("head".utf8))
            #expect(try far.readExactly(1 << 20) == long)
            try writer.join()
        }
    }

    @Test func `tasks accept, connect, write and read`() async throws {
        let listener = try TCPListener(host: "127.0.0.1", port: 0)
        async let accepted = listener.accept()
        let client = try await TCPStream.connect(to: listener.address)
        let server = try await accepted
        try await client.write("hello\nrest")
        #expect(try await server.readLine() == "hello")
        #expect(try await server.readExactly(4) == Array("rest".utf8))
        try await server.writeFrame([1, 2, 3])
        #expect(try await client.readFrame() == [1, 2, 3])
        await #expect(throws: TimedOut.self) { try await client.readSome(within: .milliseconds(1)) }
        let waiting = Task { try await client.readSome() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        client.close()
        #expect(try await server.readToEnd() == [])
    }
}
