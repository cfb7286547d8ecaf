internal import PlaitPlatform

/// The kinds of a client's requests to a manager.
enum RequestKind: UInt8 {
    /// Makes a call. `number` is the request's, `object` and `type` name the target and the call's
    /// type, and the body is the call.
    case call = 1
    /// Defines a type: `type` is from now on the number of the type named in the body.
    case define
    /// The client holds `object` once less.
    case release
    /// Gives up the call with this `number`, if it waits.
    case cancel
    /// The client holds `object` once more, for the process that gets the ticket in the body.
    /// `number` is the longest time in seconds; 0 lasts as long as the client.
    case lend
    /// The client holds `object` once more, and ends the loan of the ticket in the body, if there
    /// is one.
    case claim
    /// The client holds `object` once less, but only after the requests that other processes have
    /// already sent are handled.
    case releaseLater
}

/// The head of a request, which precedes its body. A reply's head has only its length and the
/// request's number.
struct RequestHead {
    var kind: RequestKind
    var number: UInt32 = 0
    var type: UInt32 = 0
    var object: UInt64 = 0
    /// The calling strand or task.
    var strand: UInt64 = 0

    static var size: Int { 25 }
    static var replySize: Int { 4 }
    /// The most bytes of a frame behind its length.
    static var longest: Int { 1 << 30 }
}

extension [UInt8] {
    fileprivate mutating func append(little value: some FixedWidthInteger) {
        unsafe Swift.withUnsafeBytes(of: value.littleEndian) { unsafe append(contentsOf: $0) }
    }

    mutating func append(request head: RequestHead, _ body: [UInt8] = []) {
        append(little: UInt32(RequestHead.size + body.count))
        append(head.kind.rawValue)
        append(little: head.number)
        append(little: head.type)
        append(little: head.object)
        append(little: head.strand)
        append(contentsOf: body)
    }

    mutating func append(replyTo number: UInt32, _ body: [UInt8]) {
        append(little: UInt32(RequestHead.replySize + body.count))
        append(little: number)
        append(contentsOf: body)
    }

    /// Converts a ticket to bytes and back.
    init(ticket: UInt64) {
        self = []
        append(little: ticket)
    }

    var ticket: UInt64? {
        guard count == 8 else { return nil }
        return reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// The received bytes are not a frame of a manager or client.
struct MalformedFrame: Error {}

/// The bytes that have come over a socket. They are taken frame by frame.
@safe
final class FrameBuffer {
    private var memory: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    /// The size of a usual read in bytes. A read that brings fewer has taken everything that was
    /// there.
    static var usual: Int { 65_536 }

    init() { unsafe memory = .allocate(byteCount: FrameBuffer.usual, alignment: 16) }

    deinit { unsafe memory.deallocate() }

    /// How many bytes ``receive(from:)`` takes at most.
    var room: Int { unsafe memory.count - end }

    /// Receives the bytes that are there, as far as there is room.
    func receive(from number: Int32) -> Attempt {
        let attempt = unsafe Sockets.receive(
            number, into: UnsafeMutableRawBufferPointer(rebasing: memory[end...]))
        if case .done(let count) = attempt { end += count }
        return attempt
    }

    /// Makes room for the rest of a frame that has begun to come. The memory grows step by step as
    /// the bytes come.
    func makeRoom() throws {
        if start == end { (start, end) = (0, 0) }
        var wanted = FrameBuffer.usual / 2
        if let count = try nextCount() {
            wanted = Swift.max(wanted, Swift.min(count + 4, 2 * (end - start)) - (end - start))
        }
        if unsafe memory.count - end >= wanted { return }
        let kept = unsafe UnsafeRawBufferPointer(rebasing: memory[start..<end])
        if unsafe memory.count - (end - start) >= wanted {
            unsafe memory.baseAddress?.copyMemory(from: kept.baseAddress!, byteCount: kept.count)
        } else {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: end - start + wanted, alignment: 16)
            unsafe larger.copyMemory(from: kept)
            unsafe memory.deallocate()
            unsafe memory = unsafe larger
        }
        (start, end) = (0, end - start)
    }

    private func load<Number: FixedWidthInteger>(_ offset: Int, as type: Number.Type) -> Number {
        unsafe Number(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: type))
    }

    private func nextCount() throws -> Int? {
        guard end - start >= 4 else { return nil }
        let count = Int(load(start, as: UInt32.self))
        guard count <= RequestHead.longest else { throw MalformedFrame() }
        return count
    }

    /// The range of the next whole frame, behind its length; nil until it has come.
    private func takeFrame(atLeast least: Int) throws -> Range<Int>? {
        guard let count = try nextCount(), end - start >= 4 + count else { return nil }
        guard count >= least else { throw MalformedFrame() }
        let frame = start + 4..<start + 4 + count
        start = frame.upperBound
        return frame
    }

    private func bytes(_ range: Range<Int>) -> [UInt8] {
        unsafe [UInt8](UnsafeRawBufferPointer(rebasing: memory[range]))
    }

    func takeRequest() throws -> (head: RequestHead, body: [UInt8])? {
        guard let frame = try takeFrame(atLeast: RequestHead.size) else { return nil }
        let first = frame.lowerBound
        guard let kind = RequestKind(rawValue: load(first, as: UInt8.self)) else {
            throw MalformedFrame()
        }
        let head = RequestHead(
            kind: kind, number: load(first + 1, as: UInt32.self),
            type: load(first + 5, as: UInt32.self), object: load(first + 9, as: UInt64.self),
            strand: load(first + 17, as: UInt64.self))
        return (head, bytes(first + RequestHead.size..<frame.upperBound))
    }

    func takeReply() throws -> (number: UInt32, body: [UInt8])? {
        guard let frame = try takeFrame(atLeast: RequestHead.replySize) else { return nil }
        let first = frame.lowerBound
        return (
            load(first, as: UInt32.self), bytes(first + RequestHead.replySize..<frame.upperBound)
        )
    }
}
