import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct HandshakeTests {
    // MP-109
    @Test(arguments: [[], [1], Array(repeating: 7, count: 200)] as [[UInt8]])
    func `a code is right for its side, key and challenges, and for no others`(_ key: [UInt8]) {
        let (one, two) = (Handshake.challenge(), Handshake.challenge())
        let code = Handshake.code(.client, listener: one, client: two, key: key)
        #expect(code.count == 32)
        #expect(Handshake.isRight(code, .client, listener: one, client: two, key: key))
        #expect(!Handshake.isRight(code, .listener, listener: one, client: two, key: key))
        #expect(!Handshake.isRight(code, .client, listener: two, client: one, key: key))
        #expect(!Handshake.isRight(code, .client, listener: one, client: two, key: key + [2]))
        #expect(
            !Handshake.isRight(code.dropLast(), .client, listener: one, client: two, key: key))
        #expect(!Handshake.isRight([], .client, listener: one, client: two, key: key))
        // HMAC by itself takes these two for one.
        #expect(!Handshake.isRight(code, .client, listener: one, client: two, key: key + [0]))
        var other = code
        other[31] ^= 1
        #expect(!Handshake.isRight(other, .client, listener: one, client: two, key: key))
    }

    @Test func `challenges are of 32 random bytes`() {
        let challenges = Set((0..<100).map { _ in Handshake.challenge() })
        #expect(challenges.count == 100)
        #expect(challenges.allSatisfy { $0.count == 32 })
    }

    /// Plays the listener's part by hand.
    private func client(
        against play: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> AuthenticationError? {
        try await onThread {
            let listener = try ConnectionListener(Place.abstract.address(), key: nil)
            let player = spawn(.thread) { try play(listener.accept()) }
            let error = #expect(throws: AuthenticationError.self) {
                try Connection.connect(to: listener.address, key: key)
            }
            try player.join()
            #expect(error?.address == listener.address)
            return error
        }
    }

    @Test func `an answer that is sent back is no answer`() async throws {
        let error = try await client { connection in
            try connection.send(Array("plait-key-1:".utf8) + Handshake.challenge())
            let answer = try connection.receive()
            try connection.send([1] + answer[32...])
        }
        #expect(error?.reason == .wrongKey)
    }

    // MP-108
    @Test func `an answer that is rejected is an authentication error`() async throws {
        let error = try await client { connection in
            try connection.send(Array("plait-key-1:".utf8) + Handshake.challenge())
            _ = try connection.receive()
            try connection.send([0])
        }
        #expect(error?.reason == .rejected)
        #expect(error?.description.contains("give both sides the same") == true)
    }

    // MP-108
    @Test func `something else than a handshake is an authentication error`() async throws {
        let other = try await client { try $0.send(Array("something bogus".utf8)) }
        #expect(other?.reason == .noHandshake)
        let long = try await client { try $0.send([UInt8](repeating: 1, count: 257)) }
        #expect(long?.reason == .noHandshake)
        let gone = try await client { $0.close() }
        #expect(gone?.reason == .goneAway)
    }

    /// What a listener with a key finds when `play` is the client.
    private func listener(
        against play: @escaping @Sendable (Connection) throws -> Void
    ) async throws -> AuthenticationError {
        try await onThread {
            let listener = try ConnectionListener(
                Place.ipv4.address(), key: key, handshakeLimit: .milliseconds(200),
                tellsRefusals: true)
            let connection = try Connection.connect(to: listener.address, key: nil)
            try play(connection)
            let error = #expect(throws: AuthenticationError.self) { try listener.accept() }
            #expect(listener.refusals == 1)
            #expect(listener.lastRefusal == error)
            // Where it came from.
            #expect(error?.address != listener.address)
            return try #require(error)
        }
    }

    @Test func `a client that says nothing is given up at the limit`() async throws {
        let error = try await listener { _ in }
        #expect(error.reason == .silent)
    }

    @Test func `a listener takes in no more than a handshake before it`() async throws {
        let long = try await listener { try $0.send([UInt8](repeating: 1, count: 10_000)) }
        #expect(long.reason == .noHandshake)
        let short = try await listener { try $0.send([1]) }
        #expect(short.reason == .noHandshake)
        let gone = try await listener { $0.close() }
        #expect(gone.reason == .goneAway)
    }

    @Test func `the listener's own challenge sent back is refused`() async throws {
        let error = try await listener { connection in
            let hello = try connection.receive()
            try connection.send(hello.suffix(32) + hello.suffix(32))
        }
        #expect(error.reason == .wrongKey)
    }
}
