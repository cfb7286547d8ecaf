internal import PlaitPlatform
internal import PlaitStrands

/// The verbs of reading, written once for every source.
///
/// Each call counts against the turn of the calling fiber, even if the bytes are there already, so
/// a peer that sends without pause cannot keep the hub. If a call ends with an error, the bytes
/// that have come can still be read.
extension ByteSource {
    /// Reads the bytes that are there, at most as many as `buffer` holds. Waits while there are
    /// none.
    ///
    /// Blocks the calling thread or parks the calling fiber. Allocates nothing.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: How many bytes; 0 when the peer has ended its side (or `buffer` is empty).
    /// - Throws: `TimedOut`; `StreamError.closed`; `SystemError` such as ECONNRESET;
    ///   `CancellationError`.
    /// - Source: Python's `socket.recv_into`.
    @available(*, noasync)
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, within limit: Duration? = nil
    ) throws -> Int {
        if unsafe buffer.isEmpty { return 0 }
        if !input.isEmpty {
            yieldIfTurnIsOver()
            return unsafe input.take(into: buffer)
        }
        return unsafe try receive(into: buffer, until: Deadline(within: limit))
    }

    /// Reads into a span; see ``read(into:within:)-(UnsafeMutableRawBufferPointer,_)``.
    @available(*, noasync)
    public func read(
        into span: inout MutableRawSpan, within limit: Duration? = nil
    ) throws -> Int {
        try unsafe span.withUnsafeMutableBytes { unsafe try read(into: $0, within: limit) }
    }

    /// Lends the bytes that are there to `body`, at most 64 KiB. Waits while there are none. The
    /// stream has the buffer only during the call, so an idle stream owns no buffer.
    ///
    /// - Returns: False, without calling `body`, when the peer has ended its side.
    @available(*, noasync)
    public func readChunk(
        within limit: Duration? = nil, _ body: (RawSpan) throws -> Void
    ) throws -> Bool {
        guard let chunk = try nextChunk(until: Deadline(within: limit)) else { return false }
        try chunk.withBytes(body)
        return true
    }

    /// Reads the bytes that are there, at most `count`. Waits while there are none. The result is
    /// empty when the peer has ended its side.
    /// - Source: Python's `socket.recv`.
    @available(*, noasync)
    public func readSome(atMost count: Int = 65_536, within limit: Duration? = nil) throws
        -> [UInt8]
    {
        demand(count > 0, "readSome(atMost: \(count)): ask for at least one byte")
        if input.isEmpty {
            guard try fillInput(within: limit) else { return [] }
        } else {
            yieldIfTurnIsOver()
        }
        return input.take(count)
    }

    /// Reads `count` bytes. Waits until they are there.
    ///
    /// The bytes come directly into the result's memory, which has room for `count` bytes at once.
    /// - Throws: `StreamError.endOfStream` when the peer ends its side first; otherwise as
    ///   ``read(into:within:)-(UnsafeMutableRawBufferPointer,_)``.
    /// - Source: asyncio's `readexactly`.
    @available(*, noasync)
    public func readExactly(_ count: Int, within limit: Duration? = nil) throws -> [UInt8] {
        demand(count >= 0, "readExactly(\(count)): the count may not be negative")
        if input.count >= count {
            yieldIfTurnIsOver()
            return input.take(count)
        }
        var bytes: [UInt8] = []
        do {
            try extend(&bytes, to: count, until: Deadline(within: limit))
        } catch {
            input.prepend(bytes)
            throw error
        }
        return bytes
    }

    /// Reads everything up to the end.
    /// - Parameter most: The most bytes; more throw `StreamError.tooLong`.
    /// - Source: Python's `BufferedReader.read`.
    @available(*, noasync)
    public func readToEnd(
        atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) throws -> [UInt8] {
        let deadline = Deadline(within: limit)
        var all = input.take(.max)
        do {
            while true {
                if all.count > most { throw StreamError.tooLong(limit: most) }
                guard let chunk = try receiveChunk(until: deadline) else { return all }
                chunk.withBytes { unsafe $0.withUnsafeBytes { unsafe all.append(contentsOf: $0) } }
            }
        } catch {
            input.prepend(all)
            throw error
        }
    }

    /// Waits until `count` bytes are there, or the peer has ended its side. Returns the bytes
    /// without taking them.
    ///
    /// - Returns: The bytes; fewer than `count` only at the end.
    @available(*, noasync)
    public func peek(_ count: Int, within limit: Duration? = nil) throws -> [UInt8] {
        demand(count >= 0, "peek(\(count)): the count may not be negative")
        yieldIfTurnIsOver()
        let deadline = Deadline(within: limit)
        while input.count < count, let chunk = try receiveChunk(until: deadline) {
            input.append(chunk)
        }
        return input.peek(count)
    }

    /// Reads a line without its end, which is `\n` or `\r\n`. The last line may lack an end.
    /// Returns nil when the peer has ended its side.
    ///
    /// The result does not depend on the packets in which the line came.
    /// - Parameters:
    ///   - most: The most bytes of a line, without its end; a longer line throws
    ///     `StreamError.lineTooLong`.
    ///   - invalid: What becomes of bytes that are not UTF-8.
    /// - Source: asyncio's `readline`.
    @available(*, noasync)
    public func readLine(
        atMost most: Int = 65_536, within limit: Duration? = nil,
        invalidUTF8 invalid: InvalidUTF8 = .repair
    ) throws -> String? {
        guard let (content, total) = try findLine(atMost: most, until: Deadline(within: limit))
        else { return nil }
        guard let text = input.takeText(content: content, total: total, invalid) else {
            throw StreamError.invalidUTF8
        }
        return text
    }

    /// Reads the bytes of a line without its end; see ``readLine(atMost:within:invalidUTF8:)``.
    @available(*, noasync)
    public func readLineBytes(
        atMost most: Int = 65_536, within limit: Duration? = nil
    ) throws -> [UInt8]? {
        guard let (content, total) = try findLine(atMost: most, until: Deadline(within: limit))
        else { return nil }
        return input.takeLine(content: content, total: total)
    }

    /// Reads a message whose length precedes it, in four bytes, the highest first. Returns nil when
    /// the peer has ended its side between messages.
    ///
    /// The memory of a long message grows as its bytes come, not by the length that the peer
    /// announces.
    /// - Parameter most: The most bytes of a message; a longer message throws
    ///   `StreamError.tooLong`.
    /// - Source: Erlang's `{packet, 4}`.
    @available(*, noasync)
    public func readFrame(
        atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) throws -> [UInt8]? {
        let deadline = Deadline(within: limit)
        let head = try peek(4, within: deadline.remaining)
        if head.isEmpty { return nil }
        guard head.count == 4 else {
            throw StreamError.endOfStream(received: head.count, expected: 4)
        }
        let count = head.reduce(0) { $0 << 8 | Int($1) }
        if count > most { throw StreamError.tooLong(limit: most) }
        _ = input.take(head.count)
        var bytes: [UInt8] = []
        do {
            while bytes.count < count {
                // Anybody can announce a length, so memory grows only as the bytes come.
                let next = min(count, max(BufferPool.size, 2 * bytes.count))
                try extend(&bytes, to: next, of: (count, head.count), until: deadline)
            }
        } catch {
            input.prepend(head + bytes)
            throw error
        }
        return bytes
    }

    /// Receives until `bytes` has `count` bytes, straight into its memory.
    ///
    /// When it throws, `bytes` has what has come.
    /// - Parameter message: How many bytes the whole message has, and how many bytes precede it;
    ///   for errors.
    private func extend(
        _ bytes: inout [UInt8], to count: Int, of message: (count: Int, head: Int)? = nil,
        until deadline: Deadline
    ) throws {
        let present = bytes
        let head = message?.head ?? 0
        var failure: (any Error)?
        bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
            let memory = UnsafeMutableRawBufferPointer(memory)
            unsafe memory.copyBytes(from: present)
            filled = present.count
            unsafe filled += input.take(
                into: UnsafeMutableRawBufferPointer(rebasing: memory[filled...]))
            do {
                while filled < count {
                    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: memory[filled...])
                    let received = unsafe try receive(into: rest, until: deadline)
                    if received == 0 {
                        throw StreamError.endOfStream(
                            received: head + filled, expected: head + (message?.count ?? count))
                    }
                    filled += received
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Waits until bytes have come, and keeps them in ``input``.
    /// - Returns: False when the peer has ended its side.
    @available(*, noasync)
    func fillInput(within limit: Duration?) throws -> Bool {
        if !input.isEmpty { return true }
        guard let chunk = try receiveChunk(until: Deadline(within: limit)) else { return false }
        input.append(chunk)
        return true
    }

    private func nextChunk(until deadline: Deadline) throws -> Chunk? {
        if input.isEmpty { return try receiveChunk(until: deadline) }
        yieldIfTurnIsOver()
        return unsafe Chunk { unsafe input.take(into: $0) }
    }

    private func findLine(
        atMost most: Int, until deadline: Deadline
    ) throws -> (content: Int, total: Int)? {
        demand(most >= 0, "readLine(atMost: \(most)): the limit may not be negative")
        yieldIfTurnIsOver()
        var hasEnded = false
        while true {
            switch input.findLine(atMost: most, hasEnded: hasEnded) {
            case .found(let content, let total): return (content, total)
            case .ended: return nil
            case .tooLong: throw StreamError.lineTooLong(limit: most)
            case .open: break
            }
            if let chunk = try receiveChunk(until: deadline) {
                input.append(chunk)
            } else {
                hasEnded = true
            }
        }
    }
}

/// Counts an operation without a wait against the calling fiber's turn.
private func yieldIfTurnIsOver() {
    unsafe Hub.referenceOfThread?._withUnsafeGuaranteedRef { $0.countOperation() }
}
