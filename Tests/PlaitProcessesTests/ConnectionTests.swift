import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitStrands
import PlaitSync
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ConnectionTests {
    private static let long = [UInt8](repeating: 31, count: 1_000_000) + [1, 2, 3]

    // MP-079, MP-090, MP-091
    @Test(arguments: StrandKind.allCases)
    func `messages arrive whole, alone and in order, both ways`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let (one, two) = try Connection.pair()
            let messages = ["a", "", "bcd", "", ""].map { [UInt8]($0.utf8) }
            for message in messages {
                try one.send(message)
                try two.send(message + [0])
            }
            for message in messages {
                #expect(try two.receive() == message)
                #expect(try one.receive() == message + [0])
            }
        }
    }

    @Test func `who shares an end takes one message, and by polling none`() async throws {
        try await onThread {
            let (sending, receiving) = try Sockets.pair()
            let copy = try Processes.duplicate(receiving)
            let sender = try Connection(FileDescriptor(rawValue: sending))
            // As two processes have it.
            let first = try Connection(FileDescriptor(rawValue: receiving))
            let second = try Connection(FileDescriptor(rawValue: copy.release()))
            let writer = spawn(.thread) {
                try sender.send(ConnectionTests.long)
                for text in ["second", "third", "fourth"] { try sender.send(Array(text.utf8)) }
                sender.close()
            }
            #expect(try first.poll(within: .seconds(10)))
            #expect(try second.receive() == ConnectionTests.long)
            #expect(try first.receive() == Array("second".utf8))
            #expect(try second.poll(within: nil))
            #expect(try first.receive() == Array("third".utf8))
            #expect(try second.receive() == Array("fourth".utf8))
            try writer.join()
            #expect(try first.poll())
            #expect(throws: ConnectionError.endOfStream) { try second.receive() }
            // The end is there for the first look at it.
            #expect(try first.poll())
        }
    }

    @Test func `a message of 64 MiB arrives without copying all of it at each piece`() async throws
    {
        try await onThread {
            let (one, two) = try Connection.pair()
            let bytes = [UInt8](repeating: 1, count: 64 << 20)
            let writer = spawn(.thread) { try one.send(bytes) }
            #expect(try two.receive(atMost: .max).count == bytes.count)
            try writer.join()
        }
    }

    @Test func `tasks send and receive`() async throws {
        let (one, two) = try Connection.pair()
        async let received = two.receive([String].self)
        try await one.send(value: ["a", "b"])
        #expect(try await received == ["a", "b"])
        try await one.send([1, 2])
        #expect(try await two.poll(within: nil))
        #expect(try await two.receive() == [1, 2])
        await #expect(throws: TimedOut.self) { try await two.receive(within: .milliseconds(1)) }
        let waiting = Task { try await two.receive() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        one.close()
        await #expect(throws: ConnectionError.endOfStream) { try await two.receive() }
    }

    @Test(arguments: WaiterKind.allCases)
    func `closing ends a wait for a message, by whichever strand`(_ kind: WaiterKind) async throws {
        let (one, two) = try Connection.pair()
        let begun = Event()
        let waiting = Task {
            switch kind {
            case .task:
                begun.set()
                _ = try await one.receive()
            case .thread:
                try await onStrand(.thread) {
                    begun.set()
                    _ = try one.receive()
                }
            case .fiber:
                try await onStrand(.fiber) {
                    begun.set()
                    _ = try one.receive()
                }
            }
        }
        _ = try await begun.wait()
        one.close()
        await #expect(throws: ConnectionError.closed) { try await waiting.value }
        two.close()
    }

    // MP-079
    @Test func `values arrive equal, or say why not`() async throws {
        try await onThread {
            let (one, two) = try Connection.pair()
            try one.send(value: ["a": [1, 2.5, nil], "": []])
            #expect(try two.receive([String: [Double?]].self) == ["a": [1, 2.5, nil], "": []])
            try one.send(value: "text")
            #expect(throws: DecodingError.self) { try two.receive(Int.self) }
            // What is no value is gone, and the next one comes.
            try one.send(value: 7)
            #expect(try two.receive(Int.self) == 7)
        }
    }

    // MP-079
    @Test(arguments: StrandKind.allCases)
    func `a message longer than the system's buffers`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let (one, two) = try Connection.pair()
            let sending = spawn(kind: kind) {
                try one.send(Self.long)
                try one.send([1])
            }
            #expect(try two.receive() == Self.long)
            #expect(try two.receive() == [1])
            try sending.join()
        }
    }

    // MP-079, MP-081
    @Test func `parts of an array are sent, and received into memory of the caller's`() async throws
    {
        try await onThread {
            let (one, two) = try Connection.pair()
            let latin: [UInt8] = Array("latin".utf8)
            unsafe try one.send(latin.span.bytes.extracting(2..<4))
            #expect(try two.receive() == Array("ti".utf8))
            try one.send(latin)
            #expect(throws: ConnectionError.tooLong(size: 5, limit: 4)) {
                try receive(from: two, into: 4)
            }
            // Nothing of it is lost.
            #expect(try receive(from: two, into: 8) == "latin...")
        }
    }

    /// So many points, at whose beginning a message was received.
    private func receive(from connection: Connection, into count: Int) throws -> String {
        var memory = [UInt8](repeating: 46, count: count)
        var span = memory.mutableSpan
        var bytes = unsafe span.mutableBytes
        #expect(try connection.receive(into: &bytes) == 5)
        return text(memory)
    }

    // MP-079
    @Test func `a limit for the size keeps a long message for later`() async throws {
        try await onThread {
            let (one, two) = try Connection.pair()
            try one.send(Array("too long".utf8))
            #expect(throws: ConnectionError.tooLong(size: 8, limit: 7)) {
                try two.receive(atMost: 7)
            }
            #expect(try two.receive(atMost: 8).count == 8)
        }
    }

    // MP-079
    @Test func `each end of a one-way connection has its direction`() async throws {
        try await onThread {
            let (receiver, sender) = try Connection.oneWay()
            #expect(receiver.isReadable && !receiver.isWritable)
            #expect(!sender.isReadable && sender.isWritable)
            try sender.send([7])
            #expect(try receiver.receive() == [7])
            #expect(throws: ConnectionError.wrongDirection("receives")) { try receiver.send([7]) }
            #expect(throws: ConnectionError.wrongDirection("sends")) { try sender.receive() }
            #expect(throws: ConnectionError.wrongDirection("sends")) { try sender.poll() }
        }
    }

    // MP-079
    @Test(arguments: StrandKind.allCases)
    func `what was sent before the other end closed is received, and then the end`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            let (one, two) = try Connection.pair()
            try one.send([1])
            one.close()
            #expect(try two.receive() == [1])
            for _ in 0..<2 {
                #expect(throws: ConnectionError.endOfStream) { try two.receive() }
                // The end is something to be received.
                #expect(try two.poll())
            }
            let error = #expect(throws: SystemError.self) { while true { try two.send([1]) } }
            #expect(error?.errno == .brokenPipe)
        }
    }

    // MP-079, MP-089
    @Test(arguments: StrandKind.allCases)
    func `polling sees a message until it is received, even an empty one`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            let (one, two) = try Connection.pair()
            #expect(try !two.poll())
            #expect(try !two.poll(within: .milliseconds(2)))
            try one.send([])
            for _ in 0..<3 { #expect(try two.poll()) }
            #expect(try two.receive() == [])
            #expect(try !two.poll())
            let sending = spawn(kind: kind) { try one.send([3]) }
            #expect(try two.poll(within: nil))
            #expect(try two.receive() == [3])
            try sending.join()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a limit ends a wait, and the next call goes on`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let (one, two) = try Connection.pair()
            #expect(throws: TimedOut.self) {
                try two.receive(within: .milliseconds(2))
            }
            try one.send([1])
            #expect(try two.receive(within: .zero) == [1])
        }
    }

    @Test func `a send that ends in the middle of a message ends the sending`() async throws {
        try await onThread {
            let (one, two) = try Connection.pair()
            #expect(throws: TimedOut.self) {
                try one.send(Self.long, within: .milliseconds(2))
            }
            #expect(throws: ConnectionError.cut) { try one.send([1]) }
            one.close()
            #expect(throws: ConnectionError.truncated) { try two.receive() }
        }
    }

    @Test func `closing ends the waits of fibers, and all use`() async throws {
        try await onThread {
            let (one, two) = try Connection.pair()
            let waiting = spawn(.fiber) { try one.receive() }
            Strand.yield()
            one.close()
            #expect(throws: ConnectionError.closed) { try waiting.join() }
            #expect(throws: ConnectionError.closed) { try one.receive() }
            #expect(throws: ConnectionError.closed) { try one.send([1]) }
            #expect(one.isClosed && !two.isClosed)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a cancellation ends a wait, and the next call goes on`(_ kind: StrandKind) async throws {
        try await onThread {
            let (one, two) = try Connection.pair()
            let waiting = spawn(kind: kind) { try two.receive() }
            Strand.yield()
            waiting.cancel()
            #expect(throws: CancellationError.self) { try waiting.join() }
            try one.send([1])
            #expect(try two.receive() == [1])
        }
    }

    @Test func `many senders and receivers on one connection mix no messages`() async throws {
        let (one, two) = try Connection.pair()
        let rounds = 300
        let kinds = StrandKind.allCases + StrandKind.allCases
        let got = Box<[Int: Int]>([:])
        try await onThread {
            let senders = kinds.enumerated().map { number, kind in
                spawn(kind: kind) {
                    for round in 0..<rounds {
                        let count = (round &* 7_919 &+ number) % 3_000
                        try one.send([UInt8](repeating: UInt8(number), count: count + 1))
                    }
                }
            }
            let receivers = kinds.map { kind in
                spawn(kind: kind) {
                    for _ in 0..<rounds {
                        let message = try two.receive()
                        #expect(message.allSatisfy { $0 == message[0] })
                        got.update { $0[Int(message[0]), default: 0] += 1 }
                    }
                }
            }
            for strand in senders + receivers { try strand.join() }
        }
        #expect(
            got.value == Dictionary(uniqueKeysWithValues: (0..<kinds.count).map { ($0, rounds) }))
    }

    @Test func `a wrong kind of message, and what is none, are said`() async throws {
        try await onThread {
            let (one, two) = try Connection.pair()
            try one.send([1])
            #expect(throws: ConnectionError.otherKind(expected: "a descriptor", found: "bytes")) {
                try two.receiveDescriptor()
            }
            #expect(try two.receive() == [1])
            let (ours, theirs) = try Sockets.pair()
            let connection = try Connection(FileDescriptor(rawValue: ours))
            try FileDescriptor(rawValue: theirs).closeAfter {
                _ = try FileDescriptor(rawValue: theirs).writeAll(Array("GET / HTTP/1.1".utf8))
            }
            #expect(throws: ConnectionError.malformed) { try connection.receive() }
        }
    }

    // MP-107
    @Test func `a descriptor that is not open makes no connection`() {
        let error = #expect(throws: SystemError.self) {
            try Connection(FileDescriptor(rawValue: 1_000_000))
        }
        #expect(error?.errno == .badFileDescriptor)
    }

    // MP-092, MP-093
    @Test func `connections are sent over connections and keep their direction`() async throws {
        try await onThread {
            let (one, two) = try Connection.pair()
            let (receiver, sender) = try Connection.oneWay()
            try one.send(receiver)
            try one.send(sender)
            receiver.close()
            sender.close()
            let newReceiver = try two.receiveConnection()
            let newSender = try two.receiveConnection()
            #expect(newReceiver.isReadable && !newReceiver.isWritable)
            #expect(!newSender.isReadable && newSender.isWritable)
            try newSender.send([9])
            #expect(try newReceiver.receive() == [9])
        }
    }

    @Test func `a connection that cannot be sent whole is refused`() async throws {
        try await onThread {
            let (one, two) = try Connection.pair()
            let (near, far) = try Connection.pair()
            try far.send([1])
            try far.send([2])
            #expect(try near.receive() == [1])
            // It has taken in the beginning of the next one.
            #expect(throws: ConnectionError.tooLong(size: 1, limit: 0)) {
                try near.receive(atMost: 0)
            }
            #expect(throws: ConnectionError.unread) { try one.send(near) }
            #expect(try near.receive() == [2])
            let receiver = spawn(.fiber) { try near.receive() }
            Strand.yield()
            #expect(throws: TimedOut.self) {
                try one.send(near, within: .milliseconds(1))
            }
            try far.send([3])
            #expect(try receiver.join() == [3])
            try one.send(near)
            near.close()
            #expect(throws: ConnectionError.closed) { try one.send(near) }
            try far.send([4])
            #expect(try two.receiveConnection().receive() == [4])
        }
    }

    @Test func `descriptors that nobody announced end a connection, and are closed`() async throws {
        try await onThread {
            let (ours, theirs) = try Sockets.pair()
            let connection = try Connection(FileDescriptor(rawValue: ours))
            let pipe = try FileDescriptor.pipe()
            try FileDescriptor(rawValue: theirs).closeAfter {
                for _ in 0..<9 {
                    let byte: [UInt8] = [0]
                    unsafe byte.withUnsafeBytes {
                        _ = unsafe Sockets.send(
                            theirs, $0, UnsafeRawBufferPointer(start: nil, count: 0),
                            passing: pipe.writeEnd.rawValue)
                    }
                }
            }
            #expect(throws: ConnectionError.malformed) { try connection.receive() }
            try pipe.writeEnd.close()
            connection.close()
            withExtendedLifetime(connection) {}
        }
    }

    // MP-080, MP-082, MP-083, MP-092
    @Test func `a forked child talks with its parent and uses what it is sent`() async throws {
        let lines = try await onThread {
            let child = try ChildProcess.start(
                try Built.program("ForkProbe"), ["connection"], piped)
            let lines = text(try child.output!.readToEnd()).split(separator: "\n").map(String.init)
            #expect(try child.join() == .code(0))
            return lines
        }
        #expect(
            lines == ["HELLO", "written by the child", "from a connection that was sent", "end"])
    }
}
