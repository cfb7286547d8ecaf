import PlaitIO
import PlaitNet
import PlaitParking
import PlaitPlatform
import PlaitSelectors
import PlaitStrands
import PlaitSync
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct StreamSocketTests {
    @Test(arguments: StrandKind.allCases)
    func `bytes arrive whole and in order`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let (near, far) = try connectedPair()
            try near.write("hello")
            #expect(try far.readExactly(5) == Array("hello".utf8))
            try far.write([1, 2, 3])
            #expect(try near.readSome() == [1, 2, 3])
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a limit of zero finds what has come since the last look`(_ kind: StrandKind) async throws
    {
        try await onStrand(kind) {
            let (near, far) = try connectedPair()
            #expect(throws: TimedOut.self) { try far.readSome(within: .zero) }
            try near.write("a")
            #expect(try far.readSome(within: .zero) == Array("a".utf8))
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a write larger than all buffers waits for the reader, and loses nothing`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let sent = pattern(8_000_000)
            let (near, far) = try connectedPair()
            let writer = spawn(kind: kind) {
                try near.write(sent)
                try near.shutdownWriting()
            }
            var received: [UInt8] = []
            while true {
                let some = try far.readSome()
                if some.isEmpty { break }
                received += some
            }
            try writer.join()
            #expect(received == sent)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a read past its limit is timed out, and the next one works`(_ kind: StrandKind)
        async throws
    {
        try await onStrand(kind) {
            let (near, far) = try connectedPair()
            #expect(throws: TimedOut.self) {
                try far.readSome(within: .milliseconds(5))
            }
            #expect(throws: TimedOut.self) { try far.readSome(within: .zero) }
            try near.write("x")
            #expect(try far.readSome() == [120])
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a write past its limit is timed out`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let (near, far) = try connectedPair()
            #expect(throws: TimedOut.self) {
                while true { try near.write(pattern(65_536), within: .milliseconds(5)) }
            }
            _ = far
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a half-closed stream still carries the other direction`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let (near, far) = try connectedPair()
            try near.write("question")
            try near.shutdownWriting()
            #expect(try far.readExactly(8) == Array("question".utf8))
            #expect(try far.readSome().isEmpty)
            #expect(try far.readSome().isEmpty)
            try far.write("answer")
            #expect(try near.readExactly(6) == Array("answer".utf8))
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `an end that comes with the last bytes is seen after them`(_ kind: StrandKind) async throws
    {
        try await onStrand(kind) {
            let (near, far) = try connectedPair()
            // The reader waits, so that data and end come in one event.
            let reader = spawn(.fiber) {
                var all: [UInt8] = []
                while true {
                    let some = try far.readSome(atMost: 100)
                    if some.isEmpty { return all }
                    all += some
                }
            }
            Strand.yield()
            try near.write("last")
            near.close()
            #expect(try reader.join() == Array("last".utf8))
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a reset is an error of the system's`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let (near, far) = try connectedPair()
            near.reset()
            let error = #expect(throws: SystemError.self) { try far.readSome() }
            #expect(error?.errno == .connectionReset)
        }
    }

    @Test func `writing to a closed peer is an error, not a signal`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            far.reset()
            #expect(throws: SystemError.self) {
                for _ in 0..<100 { try near.write("x") }
            }
        }
    }

    @Test(arguments: StrandKind.allCases, StrandKind.allCases)
    func `closing wakes a reader on another thread`(
        _ reading: StrandKind, _ closing: StrandKind
    ) async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            let reader = spawn(.thread) {
                try spawn(kind: reading) {
                    _ = #expect(throws: StreamError.closed) { try far.readSome() }
                }.join()
            }
            try spawn(kind: closing) {
                // The reader may wait already, or find it closed.
                Strand.yield()
                far.close()
            }.join()
            try reader.join()
            #expect(try near.readSome().isEmpty)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a closed stream refuses everything`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let (near, _) = try connectedPair()
            near.close()
            near.close()
            #expect(near.isClosed)
            #expect(throws: StreamError.closed) { try near.readSome() }
            #expect(throws: StreamError.closed) { try near.write("x") }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a cancelled reader throws, and the stream lives on`(_ kind: StrandKind) async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            let reader = spawn(kind: kind) { try far.readSome() }
            while reader.strand.currentWait == nil { Strand.yield() }
            reader.cancel()
            #expect(throws: CancellationError.self) { try reader.join() }
            try near.write("y")
            #expect(try far.readSome() == [121])
        }
    }

    @Test func `one stream is used on two hubs, one after the other`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            for round in 0..<20 {
                let reader = spawn(.thread) {
                    try spawn(.fiber) { try far.readExactly(1) }.join()
                }
                try near.write([UInt8(round)])
                #expect(try reader.join() == [UInt8(round)])
                let here = spawn(.fiber) { try far.readExactly(1) }
                Strand.yield()
                try near.write([UInt8(round)])
                #expect(try here.join() == [UInt8(round)])
            }
        }
    }

    @Test func `a lent buffer holds what came, and none is lent at the end`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            try near.write("chunk")
            var seen: [UInt8] = []
            #expect(try far.readChunk { seen = Array($0) })
            #expect(seen == Array("chunk".utf8))
            near.close()
            #expect(try far.readChunk { _ in Issue.record("called at the end") } == false)
        }
    }

    @Test func `spans are read into and written from`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            let sent: [UInt8] = [9, 8, 7]
            unsafe try near.write(sent.span.bytes)
            var buffer = [UInt8](repeating: 0, count: 8)
            var span = buffer.mutableSpan
            var bytes = unsafe span.mutableBytes
            #expect(try far.read(into: &bytes) == 3)
            #expect(buffer.prefix(3) == [9, 8, 7])
        }
    }

    @Test func `TCP sends small writes at once unless told otherwise`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            #expect(near.noDelay && far.noDelay)
            near.noDelay = false
            #expect(!near.noDelay)
        }
    }

    @Test func `both ends know their addresses`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            #expect(try near.localAddress == far.peerAddress)
            #expect(try near.peerAddress == far.localAddress)
        }
    }

    @Test func `a pair of Unix sockets carries bytes`() async throws {
        try await onThread {
            let (one, two) = try StreamSocket.pair()
            try one.write("ping")
            #expect(try two.readExactly(4) == Array("ping".utf8))
        }
    }

    @Test func `works on a hub with the poll selector`() async throws {
        try await onThread {
            try Hub.make(selector: PollSelector())
            let (near, far) = try connectedPair()
            let sent = pattern(1_000_000)
            let writer = spawn(.fiber) {
                try near.write(sent)
                near.close()
            }
            #expect(try far.readExactly(sent.count) == sent)
            #expect(try far.readSome().isEmpty)
            try writer.join()
        }
    }
}
