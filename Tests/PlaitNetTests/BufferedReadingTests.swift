import PlaitPlatform
import PlaitIO
import PlaitNet
import PlaitParking
import PlaitStrands
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct BufferedReadingTests {
    @Test func `lines come without their ends, the last one too`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            try near.write("one\ntwo\r\n\nlast")
            near.close()
            #expect(try far.readLine() == "one")
            #expect(try far.readLine() == "two")
            #expect(try far.readLine() == "")
            #expect(try far.readLine() == "last")
            #expect(try far.readLine() == nil)
        }
    }

    @Test func `a line that trickles in is one line`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            let reader = spawn(.fiber) { try far.readLine() }
            for letter in "trickle\n" {
                try near.write(String(letter))
                Strand.yield()
            }
            #expect(try reader.join() == "trickle")
        }
    }

    @Test func `a line beyond the limit is refused`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            try near.write(String(repeating: "x", count: 100) + "\n")
            #expect(throws: StreamError.lineTooLong(limit: 50)) { try far.readLine(atMost: 50) }
        }
    }

    @Test func `an exact read says how much was missing`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            try near.write("abc")
            near.close()
            #expect(throws: StreamError.endOfStream(received: 3, expected: 5)) {
                try far.readExactly(5)
            }
            #expect(try far.readExactly(3) == Array("abc".utf8))
        }
    }

    @Test func `what an exact read got before its limit is still there`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            try near.write("abc")
            #expect(throws: TimedOut.self) {
                try far.readExactly(5, within: .milliseconds(5))
            }
            try near.write("de")
            #expect(try far.readExactly(5) == Array("abcde".utf8))
        }
    }

    @Test func `lines, counts and chunks read from the same place`() async throws {
        try await onThread {
            let (near, far) = try connectedPair()
            try near.write("line\n12345rest")
            #expect(try far.readLine() == "line")
            #expect(try far.readExactly(2) == Array("12".utf8))
            #expect(try far.readSome(atMost: 3) == Array("345".utf8))
            var chunk: [UInt8] = []
            #expect(try far.readChunk { chunk = Array($0) })
            #expect(chunk == Array("rest".utf8))
        }
    }
}
