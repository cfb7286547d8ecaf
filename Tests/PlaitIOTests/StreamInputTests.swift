import PlaitIO
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// A source that gives its packets one by one, and then the end.
private final class Packets: ByteSource {
    let input = StreamInput()
    private let packets: Box<[[UInt8]]>
    /// The largest buffer that it was asked to fill.
    let largest = Box(0)

    init(_ packets: [[UInt8]]) { self.packets = Box(packets) }

    func receive(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) throws -> Int
    {
        largest.update { $0 = max($0, buffer.count) }
        let packet = packets.update { $0.isEmpty ? [] : $0.removeFirst() }
        unsafe buffer.copyBytes(from: packet.prefix(buffer.count))
        if packet.count > buffer.count {
            packets.update { $0.insert(Array(packet[buffer.count...]), at: 0) }
        }
        return min(packet.count, buffer.count)
    }

    var isClosed: Bool { false }
    func close() {}
}

/// All ways to cut bytes into packets.
private func cuts(of bytes: [UInt8]) -> [[[UInt8]]] {
    guard let first = bytes.first else { return [[]] }
    if bytes.count == 1 { return [[bytes]] }
    return cuts(of: Array(bytes.dropFirst())).flatMap { rest in
        [[[first]] + rest, [[first] + rest[0]] + rest.dropFirst()]
    }
}

/// Verbs of reading, whatever the packets.
struct StreamInputTests {
    /// What reading lines up to the end, or up to the first error, gives.
    private func lines(_ packets: [[UInt8]], atMost most: Int) throws -> [String] {
        let read = { () throws -> [String] in
            let source = Packets(packets)
            var found: [String] = []
            do {
                while let line = try source.readLine(atMost: most) { found.append(line) }
            } catch {
                found.append("\(error)")
                found.append(String(decoding: try source.readToEnd(), as: UTF8.self))
            }
            return found
        }
        return try read()
    }

    @Test(arguments: [
        "xxxx\n", "xxxx\r\n", "xxxxx\n", "xxxxx\r\n", "xxxx", "xxxx\r", "xxxxx", "a\r\r\n",
        "\n\r\n\nq\n",
        "ab\ncd\r\ne", "é\nü\r\n", "\r", "\r\n\r",
    ])
    func `lines do not depend on how the bytes were cut into packets`(_ text: String) async throws {
        try await onThread { () throws in
            for most in [0, 4, 100] {
                let whole = try lines([Array(text.utf8)], atMost: most)
                for packets in cuts(of: Array(text.utf8)) {
                    #expect(
                        try lines(packets, atMost: most) == whole, "\(packets), at most \(most)")
                }
            }
        }
    }

    @Test func `a line may have exactly the limit, without its end`() async throws {
        try await onThread { () throws in
            #expect(try lines([Array("xxxx\r".utf8), Array("\n".utf8)], atMost: 4) == ["xxxx"])
            #expect(try lines([Array("xxxxx\n".utf8)], atMost: 4)[0].contains("4 bytes"))
        }
    }

    @Test func `bytes that are not UTF-8 are repaired, or refused and left`() async throws {
        try await onThread { () throws in
            let bytes: [UInt8] = [0xFF, 0x41, 0x0A]
            #expect(try Packets([bytes]).readLine() == "\u{FFFD}A")
            let source = Packets([bytes])
            #expect(throws: StreamError.invalidUTF8) { try source.readLine(invalidUTF8: .refuse) }
            #expect(try source.readLineBytes() == [0xFF, 0x41])
            #expect(try source.readLine() == nil)
        }
    }

    @Test func `exact counts, frames, peeks and the rest come from one place`() async throws {
        try await onThread { () throws in
            let bytes: [UInt8] = [1, 2, 0, 0, 0, 3, 7, 8, 9, 0, 0, 1, 0, 5]
            for packets in cuts(of: bytes).shuffled().prefix(500) {
                let source = Packets(packets)
                #expect(try source.readExactly(2) == [1, 2])
                #expect(try source.peek(6) == [0, 0, 0, 3, 7, 8])
                #expect(try source.readFrame(atMost: 3) == [7, 8, 9])
                #expect(throws: StreamError.tooLong(limit: 255)) {
                    try source.readFrame(atMost: 255)
                }
                #expect(throws: StreamError.endOfStream(received: 5, expected: 9)) {
                    try source.readExactly(9)
                }
                #expect(try source.readToEnd() == [0, 0, 1, 0, 5])
                #expect(source.input.isEmpty)
            }
        }
    }

    @Test func `a frame takes memory as its bytes come, not as its length announces`() async throws
    {
        try await onThread { () throws in
            let liar = Packets([[0x40, 0, 0, 0], [1, 2, 3]])
            #expect(throws: StreamError.endOfStream(received: 7, expected: 4 + 1 << 30)) {
                try liar.readFrame(atMost: 1 << 30)
            }
            #expect(liar.largest.value <= 65_536)
            #expect(try liar.readToEnd() == [0x40, 0, 0, 0, 1, 2, 3])

            let long = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
            let head: [UInt8] = [0, 0x0F, 0x42, 0x40]
            let source = Packets([
                head + long[..<5], Array(long[5..<300_000]), Array(long[300_000...]),
            ])
            #expect(try source.readFrame() == long)
            #expect(source.input.isEmpty)
        }
    }

    @Test func `a task reads into its buffer and is lent chunks`() async throws {
        let (near, far) = MemoryStream.pair()
        try await far.write([1, 2, 3, 4, 5, 6])
        try far.endWriting()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
        defer { unsafe buffer.deallocate() }
        #expect(unsafe try await near.read(into: buffer) == 4)
        #expect(unsafe Array(buffer) == [1, 2, 3, 4])
        var rest: [UInt8] = []
        while try await near.readChunk({ chunk in
            unsafe chunk.withUnsafeBytes { unsafe rest.append(contentsOf: $0) }
        }) {}
        #expect(rest == [5, 6])
        #expect(unsafe try await near.read(into: buffer) == 0)
    }

    @Test func `a line of many packets is searched once, and grows without copying all again`()
        async throws
    {
        try await onThread { () throws in
            let packet = [UInt8](repeating: 0x78, count: 65_536)
            let packets = [[UInt8]](repeating: packet, count: 1_024) + [[0x0A]]
            let line = try Packets(packets).readLineBytes(atMost: 1 << 27)
            #expect(line?.count == 64 << 20)
        }
    }
}
