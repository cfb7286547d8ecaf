internal import PlaitPlatform
internal import Synchronization

/// Bytes that a read for a line or a count took beyond it.
struct InputBuffer: ~Copyable, Sendable {
    struct State {
        var bytes: [UInt8] = []
        var start = 0
    }

    private let state = Guarded(State())
    /// How many bytes there are, for looking without the lock.
    private let available = Atomic<Int>(0)

    var count: Int { available.load(ordering: .relaxed) }
    var isEmpty: Bool { count == 0 }

    func append(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            if state.start > 0 {
                state.bytes.removeFirst(state.start)
                state.start = 0
            }
            unsafe state.bytes.append(contentsOf: bytes)
            available.store(state.bytes.count, ordering: .relaxed)
        }
    }

    /// Takes up to `count` bytes.
    func take(_ count: Int) -> [UInt8] {
        state.withLock { state in
            let end = min(state.start + count, state.bytes.count)
            let taken = Array(state.bytes[state.start..<end])
            state.start = end
            available.store(state.bytes.count - end, ordering: .relaxed)
            // An idle connection keeps no memory for input.
            if end == state.bytes.count { state = State() }
            return taken
        }
    }

    func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let taken = take(buffer.count)
        unsafe buffer.copyBytes(from: taken)
        return taken.count
    }

    /// How many bytes up to and with the first newline at or after `offset`; nil without one.
    func lineLength(from offset: Int) -> Int? {
        state.withLock { state in
            state.bytes[(state.start + offset)...].firstIndex(of: 0x0A).map {
                $0 - state.start + 1
            }
        }
    }
}

extension StreamSocket {
    /// Reads what there is, at most `count` bytes, waiting while there is nothing. Empty when the
    /// peer has ended its side.
    /// - Source: Python's `socket.recv`.
    @available(*, noasync)
    public func readSome(atMost count: Int = 65_536, within limit: Duration? = nil) throws
        -> [UInt8]
    {
        demand(count > 0, "readSome(atMost: \(count)): ask for at least one byte")
        if !input.isEmpty { return input.take(count) }
        return try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            unsafe filled = try receive(
                into: UnsafeMutableRawBufferPointer(buffer), within: limit)
        }
    }

    /// Reads `count` bytes, waiting until they are there.
    ///
    /// - Throws: `StreamError.endOfStream` when the peer ends its side first, and what
    ///   `read(into:within:)` throws. On `.timedOut` the bytes so far are still to be read.
    /// - Source: asyncio's `readexactly`.
    @available(*, noasync)
    public func readExactly(_ count: Int, within limit: Duration? = nil) throws -> [UInt8] {
        demand(count >= 0, "readExactly(\(count)): the count may not be negative")
        try fill(within: limit, while: { input.count < count }) { received in
            throw StreamError.endOfStream(received: received, expected: count)
        }
        return input.take(count)
    }

    /// Reads a line of UTF-8 without its end (`\n` or `\r\n`); the last one may lack it. nil when the
    /// peer has ended its side.
    ///
    /// - Parameter limit: Most bytes of a line; a longer one throws `StreamError.lineTooLong`.
    /// - Source: asyncio's `readline`.
    @available(*, noasync)
    public func readLine(limit: Int = 65_536, within time: Duration? = nil) throws -> String? {
        var searched = 0
        var length: Int?
        try fill(
            within: time,
            while: {
                length = input.lineLength(from: searched)
                searched = input.count
                if length == nil && searched > limit {
                    throw StreamError.lineTooLong(limit: limit)
                }
                return length == nil
            }
        ) { received in length = received }
        guard let length, length > 0 else { return nil }
        if length > limit + 2 { throw StreamError.lineTooLong(limit: limit) }
        var line = input.take(length)
        if line.last == 0x0A { line.removeLast() }
        if line.last == 0x0D { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }

    /// Reads into the input buffer while `isShort`; at the end of the stream, calls `atEnd` with how
    /// many bytes are there.
    private func fill(
        within limit: Duration?, while isShort: () throws -> Bool, atEnd: (Int) throws -> Void
    ) throws {
        let deadline = Deadline(within: limit)
        while try isShort() {
            let buffer = unsafe BufferPool.shared.take()
            defer { unsafe BufferPool.shared.give(buffer) }
            let count = unsafe try receive(into: buffer, within: deadline.remaining)
            if count == 0 { return try atEnd(input.count) }
            unsafe input.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}
