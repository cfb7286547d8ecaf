internal import PlaitPlatform

/// The head of a message, which precedes its bytes.
struct MessageHead {
    enum Kind: UInt64, CustomStringConvertible {
        case bytes = 0x50
        case descriptor, connection

        var description: String {
            switch self {
            case .bytes: "bytes"
            case .descriptor: "a descriptor"
            case .connection: "a connection"
            }
        }
    }

    let kind: Kind
    /// How many bytes follow.
    let count: Int

    init(_ kind: Kind, count: Int) {
        self.kind = kind
        self.count = count
    }

    /// Nil for a word that no ``Connection`` sends.
    init?(word: UInt64) {
        guard let kind = Kind(rawValue: word & 0xFF) else { return nil }
        self.init(kind, count: Int(word >> 8))
    }

    var word: UInt64 { UInt64(count) << 8 | kind.rawValue }

    static var size: Int { 8 }
}

/// The bytes and descriptors that have come over a connection and that nobody has taken yet.
@safe
final class Incoming: @unchecked Sendable {
    // Sendable: guarded by the connection's lock.
    private var memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var start = 0
    private var end = 0
    /// The descriptors whose messages have not been taken; nil for a lost descriptor.
    private var descriptors: [Int32?] = []
    private var isMalformed = false
    /// Whether the other end has closed.
    var hasEnded = false

    deinit {
        unsafe memory.deallocate()
        closeDescriptors()
    }

    private func closeDescriptors() {
        for case let number? in descriptors { closeDescriptor(number) }
        descriptors = []
    }

    var isEmpty: Bool { start == end }

    private var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: memory[start..<end])
    }

    /// The head of the next message; nil until it has come.
    func head() throws(ConnectionError) -> MessageHead? {
        if isMalformed { throw .malformed }
        guard end - start >= MessageHead.size else { return nil }
        let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard let head = MessageHead(word: word) else { throw .malformed }
        return head
    }

    /// Whether all `count` bytes behind the head have come.
    func hasBody(_ count: Int) -> Bool { end - start - MessageHead.size >= count }

    /// Takes the body of the next message, whose `count` bytes must be there.
    func takeBody(_ count: Int) -> [UInt8] {
        unsafe takeBody(count) { unsafe [UInt8]($0) }
    }

    func takeBody(_ count: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe takeBody(count) { body in
            unsafe buffer.copyMemory(from: body)
            return count
        }
    }

    private func takeBody<Result>(
        _ count: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let first = MessageHead.size
        let result = unsafe body(UnsafeRawBufferPointer(rebasing: bytes[first..<first + count]))
        start += first + count
        if isEmpty { shrink() }
        return result
    }

    /// Takes the descriptor of the next message, whose body has `count` bytes. Drops a message
    /// whose descriptor was lost.
    func takeDescriptor(_ count: Int) throws(ConnectionError) -> Int32 {
        if !descriptors.isEmpty, let number = descriptors.removeFirst() { return number }
        _ = takeBody(count)
        throw .descriptorLost
    }

    /// Receives the available bytes of the next message, and none of the message behind it, which
    /// another process may receive.
    func receive(from number: Int32) -> Attempt {
        makeRoom()
        let limit = unsafe min(memory.count, end + missing)
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[end..<limit])
        var passed = Sockets.Passed.none
        let attempt = unsafe Sockets.receive(number, into: room, passed: &passed)
        if case .done(let count) = attempt { end += count }
        switch passed {
        case .none: break
        case .descriptor(let number): descriptors.append(number)
        case .lost: descriptors.append(nil)
        }
        // Nothing is received while a whole message waits, so an honest peer never has more than
        // two descriptors here.
        if descriptors.count > 2 {
            isMalformed = true
            closeDescriptors()
        }
        return attempt
    }

    /// How many bytes of the next message's head are missing; once the head is there, how many of
    /// the message.
    private var missing: Int {
        guard let head = try? head() else { return max(0, MessageHead.size - (end - start)) }
        return head.count + MessageHead.size - (end - start)
    }

    /// Makes room for the missing bytes, by doubling. The size in a head alone is not believed,
    /// since the head may come from anybody.
    private func makeRoom() {
        if unsafe end < memory.count || (start == end && memory.count > 0) { return }
        let present = end - start
        let size = max(present + min(missing, present), Incoming.usual)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        unsafe larger.copyMemory(from: bytes)
        unsafe memory.deallocate()
        unsafe memory = unsafe larger
        (start, end) = (0, end - start)
    }

    /// Frees memory, so that an idle connection keeps little.
    private func shrink() {
        (start, end) = (0, 0)
        if unsafe memory.count > Incoming.usual {
            unsafe memory.deallocate()
            unsafe memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
    }

    private static var usual: Int { 4_096 }
}
