import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

/// Connects from another process and sends a greeting.
enum Greet: ProcessFunction {
    struct Input: Codable, Sendable {
        let address: SocketAddress
        var key: [UInt8]?
    }

    static func run(_ input: Input) throws -> String {
        let connection = try Connection.connect(to: input.address, key: input.key)
        try connection.send(value: "hello from \(getpid())")
        return try connection.receive(String.self)
    }
}

@Test func `closing leaves the file of the listener that came after`() async throws {
    try await onThread {
        let path = "/tmp/plait-successor-\(processID()).socket"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let address = try #require(SocketAddress(unixPath: path))
        let first = try ConnectionListener(address, key: nil)
        try FileManager.default.removeItem(atPath: path)
        let second = try ConnectionListener(address, key: nil)
        first.close()
        #expect(FileManager.default.fileExists(atPath: path))
        second.close()
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}

@Suite(.timeLimit(.hang))
struct ListenerTests {
    @Test func `tasks connect by name and by path, and receive into their memory`() async throws {
        let path = "/tmp/plait-task-\(processID()).socket"
        let key: [UInt8] = [1, 2, 3]
        let (tcp, unix) = try await onThread { () throws in
            (
                try ConnectionListener(
                    try #require(SocketAddress(ip: "127.0.0.1", port: 0)), key: key),
                try ConnectionListener(try #require(SocketAddress(unixPath: path)), key: key)
            )
        }
        for listener in [tcp, unix] {
            let server = spawn(.thread) { try listener.accept().send([7, 8, 9]) }
            let connection =
                if let port = listener.address.port {
                    try await Connection.connect(host: "127.0.0.1", port: port, key: key)
                } else {
                    try await Connection.connect(unixPath: path, key: key)
                }
            var memory: [UInt8] = [0, 0, 0, 0]
            var span = memory.mutableSpan
            var bytes = unsafe span.mutableBytes
            let count = try await connection.receive(into: &bytes)
            #expect(count == 3)
            #expect(memory == [7, 8, 9, 0])
            try await server.join()
            listener.close()
        }
    }

    // MP-084
    @Test(arguments: Place.allCases)
    func `a second listener on an address is an error that names it`(_ place: Place) throws {
        let listener = try ConnectionListener(place.address(), key: nil)
        let error = #expect(throws: SystemError.self) {
            try ConnectionListener(listener.address, key: nil)
        }
        #expect(error?.errno == .addressInUse)
        #expect(error?.description.contains("\(listener.address)") == true)
    }

    // MP-086, MP-087
    @Test(arguments: Place.allCases, [key, nil])
    func `a client in another process connects and its message arrives`(
        _ place: Place, _ key: [UInt8]?
    ) async throws {
        try await onThread {
            let listener = try ConnectionListener(place.address(), key: key)
            let client = try spawn(
                .process, Greet.self, Greet.Input(address: listener.address, key: key))
            let connection = try listener.accept()
            #expect(try connection.receive(String.self) == "hello from \(client.pid)")
            try connection.send(value: "bye")
            #expect(try client.join() == "bye")
            #expect(throws: ConnectionError.endOfStream) { try connection.receive() }
        }
    }

    // MP-088
    @Test(arguments: Place.allCases, [key, nil])
    func `what a client sent that has closed before it was accepted arrives`(
        _ place: Place, _ key: [UInt8]?
    ) async throws {
        try await onThread {
            let listener = try ConnectionListener(place.address(), key: key)
            let client = try Connection.connect(to: listener.address, key: key)
            try client.send(value: "hello")
            client.close()
            #expect(try listener.accept().receive(String.self) == "hello")
        }
    }

    // MP-085
    @Test(arguments: Place.allCases)
    func `an empty key is a key`(_ place: Place) async throws {
        try await onThread {
            let listener = try ConnectionListener(place.address(), key: [])
            let client = try Connection.connect(to: listener.address, key: [])
            try client.send(value: 1)
            #expect(try listener.accept().receive(Int.self) == 1)

            #expect(throws: AuthenticationError.self) {
                try Connection.connect(to: listener.address, key: [0])
            }
            #expect(listener.lastRefusal?.reason == .wrongKey)
        }
    }

    // MP-108
    @Test(arguments: Place.allCases)
    func `a wrong key is an authentication error on both sides`(_ place: Place) async throws {
        try await onThread {
            let listener = try ConnectionListener(place.address(), key: key)
            let error = #expect(throws: AuthenticationError.self) {
                try Connection.connect(to: listener.address, key: key + [1])
            }
            #expect(error == AuthenticationError(address: listener.address, reason: .rejected))
            // Noted before the client was told.
            #expect(listener.refusals == 1)
            #expect(listener.lastRefusal?.reason == .wrongKey)
            #expect(listener.lastRefusal?.address.family == listener.address.family)
            #expect(throws: TimedOut.self) {
                try listener.accept(within: .zero)
            }
        }
    }

    @Test func `those who say nothing hold up nobody`() async throws {
        try await onThread {
            let listener = try ConnectionListener(
                Place.ipv6.address(), key: key, handshakeLimit: .seconds(3_600))
            let silent = try (0..<100).map { _ in
                try Connection.connect(to: listener.address, key: nil)
            }
            // One that is dropped has refused.
            try withExtendedLifetime(silent) {
                let client = try Connection.connect(to: listener.address, key: key)
                try client.send([1])
                let received = try listener.accept().receive()
                #expect(received == [1])
                #expect(listener.refusals == 0)
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `accept waits at most its limit, and until it is cancelled`(_ kind: StrandKind)
        async throws
    {
        try await onStrand(kind) {
            let listener = try ConnectionListener(Place.abstract.address(), key: nil)
            #expect(throws: TimedOut.self) {
                try listener.accept(within: .milliseconds(5))
            }
            Strand.current.cancel()
            #expect(throws: CancellationError.self) { try listener.accept() }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `closing ends an accept and removes the file`(_ kind: StrandKind) async throws {
        try await onThread {
            let listener = try ConnectionListener(Place.path.address(), key: nil)
            let path = listener.address.host
            #expect(FileManager.default.fileExists(atPath: path))
            let accepter = spawn(.thread) {
                try spawn(kind: kind) {
                    _ = #expect(throws: ConnectionError.closed) { try listener.accept() }
                }.join()
            }
            Strand.yield()
            listener.close()
            #expect(listener.isClosed)
            try accepter.join()
            #expect(!FileManager.default.fileExists(atPath: path))
            let error = #expect(throws: SystemError.self) {
                try Connection.connect(unixPath: path, key: nil)
            }
            #expect(error?.errno == .noSuchFileOrDirectory)
            // And it can be had again.
            expectOpen(try ConnectionListener(unixPath: path, key: nil))
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    /// The last reference closes it.
    private func expectOpen(_ listener: consuming ConnectionListener) {
        #expect(!listener.isClosed)
    }

    @Test func `tasks accept and connect`() async throws {
        let listener = try ConnectionListener(host: "localhost", port: 0, key: key)
        async let accepted = listener.accept()
        let client = try await Connection.connect(to: listener.address, key: key)
        let server = try await accepted
        try await onThread {
            try client.send(value: "task")
            #expect(try server.receive(String.self) == "task")
        }
        listener.close()
        await #expect(throws: ConnectionError.closed) { try await listener.accept() }
    }

    @Test func `descriptors go over Unix sockets, and are refused over TCP`() async throws {
        try await onThread {
            for place in Place.allCases {
                let listener = try ConnectionListener(place.address(), key: key)
                let client = try Connection.connect(to: listener.address, key: key)
                let server = try listener.accept()
                let (one, two) = try Connection.pair()
                let isUnix = place == .path || place == .abstract
                #expect(client.passesDescriptors == isUnix)
                guard isUnix else {
                    #expect(throws: ConnectionError.noDescriptors) { try client.send(one) }
                    #expect(throws: ConnectionError.noDescriptors) {
                        try server.send(FileDescriptor.standardInput)
                    }
                    // Nothing was sent.
                    try client.send([5])
                    #expect(try server.receive() == [5])
                    continue
                }
                try client.send(one)
                try server.receiveConnection().send(value: "passed on")
                #expect(try two.receive(String.self) == "passed on")
            }
        }
    }

    @Test func `a TCP connection that is passed on still passes no descriptors`() async throws {
        try await onThread {
            let listener = try ConnectionListener(Place.ipv4.address(), key: nil)
            let client = try Connection.connect(to: listener.address, key: nil)
            let server = try listener.accept()
            let (one, two) = try Connection.pair()
            try one.send(server)
            let copy = try two.receiveConnection()
            #expect(!copy.passesDescriptors)
            try copy.send(value: 7)
            #expect(try client.receive(Int.self) == 7)
        }
    }

    // MP-117
    @Test func `signals during accept do not break it`() async throws {
        var action = sigaction()
        unsafe action.__sigaction_handler.sa_handler = { _ in }
        unsafe sigaction(SIGUSR2, &action, nil)
        try await onThread {
            let listener = try ConnectionListener(Place.abstract.address(), key: key)
            let number = Box<Int32>(0)
            let accepter = spawn(.thread) {
                number.set(kernelThreadID())
                return try listener.accept().receive(String.self)
            }
            while accepter.strand.currentWait == nil { Strand.yield() }
            // The thread that takes the connections, and the one that waits for them.
            let taker = try #require(Strand.threads.first { $0.name == "plait-listeners" })
            for _ in 0..<100 {
                interruptThread(number.value, by: SIGUSR2)
                if let id = taker.nativeID { interruptThread(id, by: SIGUSR2) }
                Strand.yield()
            }
            let client = try Connection.connect(to: listener.address, key: key)
            interruptThread(number.value, by: SIGUSR2)
            try client.send(value: "after signals")
            #expect(try accepter.join() == "after signals")
        }
    }

    @Test func `an address keeps its value in a message`() throws {
        for place in Place.allCases {
            let address = try place.address()
            let bytes = try MessagePackEncoder().encode(address)
            #expect(try MessagePackDecoder().decode(SocketAddress.self, from: bytes) == address)
        }
        let bytes = try MessagePackEncoder().encode(["path": ""])
        #expect(throws: DecodingError.self) {
            try MessagePackDecoder().decode(SocketAddress.self, from: bytes)
        }
    }
}
