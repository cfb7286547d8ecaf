import PlaitPlatform
import SystemPackage
import Testing
import TestSupport

struct SocketsTests {
    private func receive(_ number: Int32) -> (Attempt, String) {
        var bytes = [UInt8](repeating: 0, count: 64)
        let attempt = unsafe bytes.withUnsafeMutableBytes {
            unsafe Sockets.receive(number, into: $0)
        }
        guard case .done(let count) = attempt else { return (attempt, "") }
        return (attempt, String(decoding: bytes.prefix(count), as: UTF8.self))
    }

    @Test func `what is sent is received`() throws {
        let pair = try SocketPair()
        defer { pair.close() }
        pair.send("hello", from: pair.near)
        #expect(receive(pair.far).1 == "hello")
    }

    @Test func `nothing to receive would block`() throws {
        let pair = try SocketPair()
        defer { pair.close() }
        guard case .wouldBlock = receive(pair.far).0 else {
            Issue.record("received from an idle socket")
            return
        }
    }

    @Test func `the end of the peer is an empty read`() throws {
        let pair = try SocketPair()
        defer { pair.close() }
        pair.send("x", from: pair.near)
        try Sockets.shutdown(pair.near, .writing)
        #expect(receive(pair.far).1 == "x")
        guard case .done(0) = receive(pair.far).0 else {
            Issue.record("no end")
            return
        }
    }

    @Test func `sending to a closed peer fails without a signal`() throws {
        let pair = try SocketPair()
        defer { pair.close() }
        pair.closeFar()
        let attempt = unsafe [UInt8(1)].withUnsafeBytes { unsafe Sockets.send(pair.near, $0) }
        guard case .failed(.brokenPipe) = attempt else {
            Issue.record("sent: \(attempt)")
            return
        }
    }

    @Test func `a full buffer would block`() throws {
        let pair = try SocketPair()
        defer { pair.close() }
        let bytes = [UInt8](repeating: 0, count: 65_536)
        var last = Attempt.done(0)
        for _ in 0..<1_000 {
            last = unsafe bytes.withUnsafeBytes { unsafe Sockets.send(pair.near, $0) }
            guard case .done = last else { break }
        }
        guard case .wouldBlock = last else {
            Issue.record("never full: \(last)")
            return
        }
    }

    @Test func `a connection knows both its ends`() throws {
        let any = try #require(SocketAddress(ip: "127.0.0.1", port: 0))
        let listener = try Sockets.open(.ipv4)
        try Sockets.set(.reuseAddress, of: listener.number, to: true)
        try Sockets.bind(listener.number, any)
        try Sockets.listen(listener.number, backlog: 4)
        let address = try Sockets.localAddress(listener.number)
        guard case .wouldBlock = Sockets.accept(listener.number) else {
            Issue.record("accepted from nobody")
            return
        }
        let client = try Sockets.open(.ipv4)
        switch Sockets.connect(client.number, address) {
        case .done, .wouldBlock: break
        case .failed(let errno): Issue.record("connect: \(errno)")
        }
        // On loopback the connection is there once connect() has returned.
        guard case .done(let number) = Sockets.accept(listener.number) else {
            Issue.record("no connection")
            return
        }
        let server = Descriptor(owning: Int32(number))
        #expect(Sockets.error(of: client.number) == nil)
        #expect(try Sockets.peerAddress(client.number) == address)
        #expect(
            try Sockets.peerAddress(server.number) == Sockets.localAddress(client.number))
    }

    @Test func `a refused connection tells so`() throws {
        let listener = try Sockets.open(.ipv4)
        try Sockets.bind(listener.number, #require(SocketAddress(ip: "127.0.0.1", port: 0)))
        // Bound but not listening: the port is taken, and refuses.
        let address = try Sockets.localAddress(listener.number)
        let client = try Sockets.open(.ipv4)
        switch Sockets.connect(client.number, address) {
        case .failed(let errno): #expect(errno == .connectionRefused)
        case .wouldBlock: #expect(Sockets.error(of: client.number) == .connectionRefused)
        case .done: Issue.record("connected to a socket that does not listen")
        }
    }

    @Test func `an address in use is an error that names it`() throws {
        let one = try Sockets.open(.ipv4)
        try Sockets.bind(one.number, #require(SocketAddress(ip: "127.0.0.1", port: 0)))
        let address = try Sockets.localAddress(one.number)
        let two = try Sockets.open(.ipv4)
        let error = #expect(throws: SystemError.self) { try Sockets.bind(two.number, address) }
        #expect(error?.errno == .addressInUse)
        #expect(error?.subject == address.description)
    }

    @Test func `an abstract Unix socket comes back as it was named`() throws {
        let address = try #require(SocketAddress(unixPath: "\0plait-test-\(processID())"))
        let socket = try Sockets.open(.unix)
        try Sockets.bind(socket.number, address)
        #expect(try Sockets.localAddress(socket.number) == address)
    }

    @Test func `an unbound Unix socket has no name`() throws {
        let pair = try SocketPair()
        defer { pair.close() }
        #expect(try Sockets.peerAddress(pair.near).description == "unnamed Unix socket")
    }

    @Test(arguments: [Sockets.Option.noDelay, .reuseAddress, .reusePort])
    func `options are set and cleared`(_ option: Sockets.Option) throws {
        let socket = try Sockets.open(.ipv4)
        try Sockets.set(option, of: socket.number, to: true)
        #expect(Sockets.isSet(option, of: socket.number))
        try Sockets.set(option, of: socket.number, to: false)
        #expect(!Sockets.isSet(option, of: socket.number))
    }

    @Test func `a reset on close reaches the peer`() throws {
        let listener = try Sockets.open(.ipv4)
        try Sockets.bind(listener.number, #require(SocketAddress(ip: "127.0.0.1", port: 0)))
        try Sockets.listen(listener.number, backlog: 1)
        let client = try Sockets.open(.ipv4)
        _ = Sockets.connect(client.number, try Sockets.localAddress(listener.number))
        guard case .done(let number) = Sockets.accept(listener.number) else {
            Issue.record("no connection")
            return
        }
        Sockets.resetOnClose(Int32(number))
        closeDescriptor(Int32(number))
        guard case .failed(.connectionReset) = receive(client.number).0 else {
            Issue.record("no reset")
            return
        }
    }
}
