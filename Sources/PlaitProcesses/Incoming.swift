internal import PlaitPlatform

/// What precedes the bytes of a message.
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
    /// Bytes that follow.
    let count: Int

    init(_ kind: Kind, count: Int) {
        self.kind = kind
        self.count = count
    }

    /// Nil for what no ``Connection`` sends.
    init?(word: UInt64) {
        guard let kind = Kind(rawValue: word & 0xFF) else { return nil }
        self.init(kind, count: Int(word >> 8))
    }

    var word: UInt64 { UInt64(count) << 8 | kind.rawValue }

    static var size: Int { 8 }
}

/// What has come over a connection and was not taken yet: bytes in order, and descriptors.
@safe
final class Incoming: @unchecked Sendable {
    // Sendable: guarded by the connection's lock.
    private var memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var start = 0
    private var end = 0
    private var descriptors: [Int32] = []
    /// Whether the other end has closed.
    var hasEnded = false

    deinit {
        unsafe memory.deallocate()
        for number in descriptors { closeDescriptor(number) }
    }

    var isEmpty: Bool { start == end }

    private var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: memory[start..<end])
    }

    /// The head of the next message; nil until it has come.
    func head() throws(ConnectionError) -> MessageHead? {
        guard end - start >= MessageHead.size else { return nil }
        let word = unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        guard let head = MessageHead(word: word) else { throw .malformed }
        return head
    }

    /// Whether all `count` bytes behind the head have come.
    func hasBody(_ count: Int) -> Bool { end - start - MessageHead.size >= count }

    /// The body of the next message, which is there.
    func takeBody() -> [UInt8] {
        unsafe takeBody { unsafe [UInt8]($0) }
    }

    func takeBody(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        unsafe takeBody { body in
            unsafe buffer.copyMemory(from: body)
            return body.count
        }
    }

    private func takeBody<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let count = (try? head()?.count) ?? 0
        let first = MessageHead.size
        let result = unsafe body(
            UnsafeRawBufferPointer(rebasing: bytes[first..<first + count]))
        start += first + count
        if isEmpty { shrink() }
        return result
    }

    /// The descriptor of the next message. A message whose descriptor was lost is dropped.
    func takeDescriptor() throws(ConnectionError) -> Int32 {
        guard !descriptors.isEmpty else {
            _ = takeBody()
            throw .descriptorLost
        }
        return descriptors.removeFirst()
    }

    /// Receives what there is, as far as there is room.
    func receive(from number: Int32) -> Attempt {
        makeRoom()
        let room = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[end...])
        let attempt = unsafe Sockets.receive(number, into: room, passed: &descriptors)
        if case .done(let count) = attempt { end += count }
        return attempt
    }

    /// Makes room for what is missing of the next message, by and by: a head alone, which may be
    /// anybody's, is not believed.
    private func makeRoom() {
        var missing = Incoming.usual
        if let head = try? head() {
            missing = max(missing, head.count + MessageHead.size - (end - start))
        }
        let wanted = min(missing, max(Incoming.usual, end - start))
        if unsafe memory.count - end >= wanted { return }
        let size = max(end - start + wanted, Incoming.usual)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        unsafe larger.copyMemory(from: bytes)
        unsafe memory.deallocate()
        unsafe memory = unsafe larger
        (start, end) = (0, end - start)
    }

    /// An idle connection keeps little.
    private func shrink() {
        (start, end) = (0, 0)
        if unsafe memory.count > Incoming.usual {
            unsafe memory.deallocate()
            unsafe memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
        }
    }

    private static var usual: Int { 4_096 }
}
