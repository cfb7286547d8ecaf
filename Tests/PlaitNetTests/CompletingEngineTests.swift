import PlaitIO
import PlaitNet
import PlaitParking
import PlaitPlatform
import PlaitStrands
import Synchronization
import SystemPackage
import TestSupport
import Testing

/// A hub whose operations an engine completes.
@Suite(.timeLimit(.hang))
struct CompletingEngineTests {
    /// Runs `body` in a fiber of a hub that uses `engine`.
    private func onHub<Result: Sendable>(
        of engine: CompletingEngine, _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        let background = try await onThread { try Hub.start(name: "completions") }
        let result = spawn(.fiber, on: background.hub) {
            background.hub.use(engine)
            return try body()
        }
        return try await result.join()
    }

    @Test func `listeners, connects and streams work by the engine of their hub`() async throws {
        let engine = try CompletingEngine()
        let lines = try await onHub(of: engine) {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let server = spawn(.fiber) {
                let connection = try listener.accept()
                while let line = try connection.readLine() { try connection.write("\(line)!\n") }
            }
            let client = try StreamSocket.connect(to: listener.address)
            var lines: [String] = []
            for line in ["one", String(repeating: "two", count: 10_000)] {
                try client.write("\(line)\n")
                lines.append(try client.readLine() ?? "end")
            }
            try client.endWriting()
            try server.join()
            return lines
        }
        #expect(lines == ["one!", String(repeating: "two", count: 10_000) + "!"])
        #expect(engine.submitted.value == ["accept", "connect", "recv", "send"])
        #expect(engine.lent.load(ordering: .relaxed) == 0)
    }

    @Test func `a refused connect tells the reason and the address`() async throws {
        for engine in [nil, try CompletingEngine()] {
            let address = try await onThread { () throws in
                let listener = try StreamListener(host: "127.0.0.1", port: 0)
                defer { listener.close() }
                return listener.address
            }
            let error = await #expect(throws: SystemError.self) {
                if let engine {
                    try await onHub(of: engine) { _ = try StreamSocket.connect(to: address) }
                } else {
                    try await onThread { _ = try StreamSocket.connect(to: address) }
                }
            }
            #expect(error?.errno == .connectionRefused)
            #expect("\(error!)".contains("\(address)"))
        }
    }

    @Test func `closing ends an operation on a descriptor that has no shutdown`() async throws {
        let engine = try CompletingEngine()
        try await onHub(of: engine) {
            let descriptor = PolledDescriptor(owning: try makeEventCounter().release())
            let reader = spawn(.fiber) {
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 8)
                defer { unsafe buffer.deallocate() }
                return unsafe try descriptor.perform(.read(into: buffer), until: .never)
            }
            let waiter = spawn(.fiber) { try descriptor.wait(for: .readable, until: .never) }
            Strand.yield()
            descriptor.close { _ in }
            #expect(throws: DescriptorClosed.self) { try reader.join() }
            #expect(throws: DescriptorClosed.self) { try waiter.join() }
        }
    }

    @Test func `a limit ends an operation, and what came too late for it is not lost`() async throws
    {
        let engine = try CompletingEngine()
        try await onHub(of: engine) {
            let (near, far) = try StreamSocket.pair()
            let writer = spawn(.fiber) {
                for number in 0..<200 {
                    try far.write([UInt8(number)])
                    try Strand.sleep(for: .microseconds(50))
                }
            }
            var read: [UInt8] = []
            while read.count < 200 {
                do {
                    read += try near.readSome(within: .microseconds(50))
                } catch is TimedOut {}
            }
            #expect(read == (0..<200).map { UInt8($0) })
            try writer.join()
        }
    }

    @Test func `a call that is no operation is made when the engine says that it can`() async throws
    {
        let engine = try CompletingEngine()
        let count = try await onHub(of: engine) {
            let (one, two) = try Sockets.pair()
            let near = PolledDescriptor(owning: one)
            let far = PolledDescriptor(owning: two)
            let reader = spawn(.fiber) {
                try near.read("recv", full: 0, until: .never) { Sockets.peek($0) }
            }
            #expect(try near.read("recv", full: 0, until: .immediate) { Sockets.peek($0) } == nil)
            #expect(try !near.wait(for: .readable, until: .immediate))
            Strand.yield()
            let sent = try unsafe withUnsafeBytes(of: 7) {
                unsafe try far.perform(
                    .send($0, UnsafeRawBufferPointer(start: nil, count: 0)), until: .never)
            }
            #expect(sent == 8)
            return try reader.join()
        }
        #expect(count == 1)
        #expect(engine.submitted.value == ["poll", "send"])
    }
}
