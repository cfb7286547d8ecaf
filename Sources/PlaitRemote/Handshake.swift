internal import PlaitPlatform
internal import PlaitProcesses
internal import SystemPackage

/// How both ends of a new connection prove to each other that they have the same key, without
/// sending it.
///
/// 1. The listener sends a greeting and 32 random bytes.
/// 2. The client sends 32 random bytes of its own, and a code over both with the key.
/// 3. The listener sends a byte for yes and its own code over both, or a byte for no.
///
/// A code is HMAC-SHA256 over the name of the sending side and the random bytes of both. So neither
/// side can use the other's code, or a code of an earlier connection, as its answer. The messages
/// that follow are neither encrypted nor signed.
enum Handshake {
    static let limit = Duration.seconds(5)
    /// The longest message of a handshake in bytes. A longer one is not received.
    private static let longest = 256
    private static let greeting = Array("plait-key-1:".utf8)
    static let challengeSize = 32
    static let codeSize = KeyedCode.size

    enum Side: String { case client = "plait client", listener = "plait listener" }

    /// The code by which a side proves that it has the key.
    static func code(
        _ side: Side, listener: [UInt8], client: [UInt8], key: [UInt8]
    ) -> [UInt8] {
        KeyedCode.make(Array(side.rawValue.utf8) + listener + client, key: key)
    }

    /// Whether a code is right. The time that this takes does not tell how much of the code is
    /// right.
    static func isRight(
        _ code: [UInt8], _ side: Side, listener: [UInt8], client: [UInt8], key: [UInt8]
    ) -> Bool {
        let right = Handshake.code(side, listener: listener, client: client, key: key)
        return KeyedCode.areEqual(code, right)
    }

    static func challenge() -> [UInt8] { KeyedCode.randomBytes(challengeSize) }

    /// The listener's part.
    /// - Parameter onRefusal: Called before the other side learns of the refusal.
    static func receive(
        _ connection: Connection, from address: SocketAddress, key: [UInt8],
        until deadline: Deadline,
        onRefusal: (AuthenticationError) -> Void
    ) throws {
        var isTold = false
        func refuse(_ error: AuthenticationError) {
            if !isTold { onRefusal(error) }
            isTold = true
        }
        do {
            try receive(connection, from: address, key, deadline, refuse)
        } catch let error as AuthenticationError {
            refuse(error)
            throw error
        }
    }

    private static func receive(
        _ connection: Connection, from address: SocketAddress, _ key: [UInt8], _ deadline: Deadline,
        _ refuse: (AuthenticationError) -> Void
    ) throws {
        try telling(address) { () throws in
            let ours = challenge()
            try connection.send(greeting + ours, within: deadline.remaining)
            let answer = try connection.receive(atMost: longest, within: deadline.remaining)
            guard answer.count == challengeSize + codeSize else {
                throw Failed(reason: .noHandshake)
            }
            let theirs = Array(answer[..<challengeSize])
            let code = Array(answer[challengeSize...])
            guard isRight(code, .client, listener: ours, client: theirs, key: key) else {
                refuse(AuthenticationError(address: address, reason: .wrongKey))
                try connection.send([0], within: deadline.remaining)
                throw Failed(reason: .wrongKey)
            }
            let own = Handshake.code(.listener, listener: ours, client: theirs, key: key)
            try connection.send([1] + own, within: deadline.remaining)
        }
    }

    /// The part of the side that connects.
    static func make(
        _ connection: Connection, to address: SocketAddress, key: [UInt8], until deadline: Deadline
    ) throws {
        try telling(address) { () throws in
            let hello = try connection.receive(atMost: longest, within: deadline.remaining)
            guard hello.starts(with: greeting), hello.count == greeting.count + challengeSize else {
                throw Failed(reason: .noHandshake)
            }
            let theirs = Array(hello[greeting.count...])
            let ours = challenge()
            let own = code(.client, listener: theirs, client: ours, key: key)
            try connection.send(ours + own, within: deadline.remaining)
            let verdict = try connection.receive(atMost: longest, within: deadline.remaining)
            if verdict == [0] { throw Failed(reason: .rejected) }
            guard verdict.first == 1, verdict.count == 1 + codeSize else {
                throw Failed(reason: .noHandshake)
            }
            let code = Array(verdict[1...])
            guard isRight(code, .listener, listener: theirs, client: ours, key: key) else {
                throw Failed(reason: .wrongKey)
            }
        }
    }

    private struct Failed: Error { let reason: AuthenticationError.Reason }

    /// Runs `body`, and turns its errors into an ``AuthenticationError``. A cancellation stays a
    /// cancellation.
    private static func telling(_ address: SocketAddress, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let failed as Failed {
            throw AuthenticationError(address: address, reason: failed.reason)
        } catch is TimedOut {
            throw AuthenticationError(address: address, reason: .silent)
        } catch ConnectionError.endOfStream, ConnectionError.truncated {
            throw AuthenticationError(address: address, reason: .goneAway)
        } catch is ConnectionError {
            throw AuthenticationError(address: address, reason: .noHandshake)
        } catch is SystemError {
            throw AuthenticationError(address: address, reason: .goneAway)
        }
    }
}
