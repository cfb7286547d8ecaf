import PlaitIO
import PlaitNet
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// What every stream does, whatever carries it: descriptors with readiness, memory, and an engine
/// that completes operations.
@Suite(.timeLimit(.hang))
struct ByteStreamTests {
    enum Carrier: String, CaseIterable, Sendable {
        case tcp, unixSocket, memory, completions

        func pair() throws -> (any ByteStream, any ByteStream) {
            switch self {
            case .tcp: try connectedPair()
            case .unixSocket: try StreamSocket.pair()
            case .memory: MemoryStream.pair()
            case .completions: try CompletingStream.pair()
            }
        }
    }

    static let carriersAndKinds = Carrier.allCases.flatMap { carrier in
        WaiterKind.allCases.map { (carrier, $0) }
    }

    @Test(arguments: carriersAndKinds)
    func `much goes through, whole and in order`(_ carrier: Carrier, _ kind: WaiterKind)
        async throws
    {
        let (near, far) = try await onThread { try Pair(carrier.pair()) }.ends
        let header = pattern(10)
        let body = pattern(1_000_000)
        let writer = kind.start {
            try near.write(header, body)
            try near.endWriting()
        } task: {
            try await near.write(header, body)
            try near.endWriting()
        }
        let reader = kind.start {
            (try far.readExactly(10), try far.readToEnd())
        } task: {
            (try await far.readExactly(10), try await far.readToEnd())
        }
        let (first, rest) = try await reader.value()
        #expect(first == header)
        #expect(rest == body)
        try await writer.value()
    }

    @Test(arguments: carriersAndKinds)
    func `closing ends a wait at once`(_ carrier: Carrier, _ kind: WaiterKind) async throws {
        let (near, far) = try await onThread { try Pair(carrier.pair()) }.ends
        let reader = kind.start {
            try near.readSome()
        } task: {
            try await near.readSome()
        }
        // Whether it waits already makes no difference.
        near.close()
        await #expect(throws: StreamError.closed) { try await reader.value() }
        #expect(try await onThread { try far.readSome() }.isEmpty)
        #expect(near.isClosed && !far.isClosed)
    }

    @Test(arguments: carriersAndKinds)
    func `a limit or a cancellation takes nothing with it`(_ carrier: Carrier, _ kind: WaiterKind)
        async throws
    {
        let (near, far) = try await onThread { try Pair(carrier.pair()) }.ends
        try await onThread { try far.write("ab") }
        let limited = kind.start {
            try near.readExactly(4, within: .milliseconds(5))
        } task: {
            try await near.readExactly(4, within: .milliseconds(5))
        }
        await #expect(throws: TimedOut.self) { try await limited.value() }
        let cancelled = kind.start {
            try near.readExactly(4)
        } task: {
            try await near.readExactly(4)
        }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value() }
        try await onThread { try far.write("cd\n") }
        #expect(try await onThread { try near.readLine() } == "abcd")
    }

    @Test func `the first async verb may come from a task on a hub's loop`() async throws {
        await #expect(processExitsWith: .success) {
            let tasks = try await onThread { try Hub.start(name: "tasks") }
            let (near, far) = try StreamSocket.pair()
            let task = Task.detached(executorPreference: tasks.hub.executor) {
                try await far.write("x")
                return try await near.readExactly(1)
            }
            let bytes = try await task.value
            precondition(bytes == [120])
        }
    }

    @Test(arguments: Carrier.allCases)
    func `a peer that is gone gives what it wrote, and then the end`(_ carrier: Carrier)
        async throws
    {
        try await onThread {
            let (near, far) = try carrier.pair()
            try far.write("last words")
            far.close()
            #expect(text(try near.readToEnd()) == "last words")
            #expect(throws: StreamError.closed) { try far.write("more") }
            #expect(throws: SystemError.self) {
                while true { try near.write("to nobody", within: .seconds(60)) }
            }
        }
    }

    @Test(arguments: Carrier.allCases)
    func `a writer waits for a peer that does not read`(_ carrier: Carrier) async throws {
        try await onThread {
            let (near, far) = try carrier.pair()
            #expect(throws: TimedOut.self) {
                while true { try near.write(pattern(65_536), within: .milliseconds(5)) }
            }
            #expect(try !far.readSome().isEmpty)
        }
    }
}

/// Both ends, to be handed over.
private struct Pair: Sendable {
    let ends: (any ByteStream, any ByteStream)

    init(_ ends: (any ByteStream, any ByteStream)) { self.ends = ends }
}
