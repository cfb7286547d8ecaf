internal import PlaitPlatform

/// The verbs of writing, written once for every sink.
extension ByteSink {
    /// Writes all of `bytes`. Waits while the peer takes no more.
    ///
    /// Blocks the calling thread or parks the calling fiber. Allocates nothing. When it returns,
    /// the bytes are in the system's buffer, but the peer may not have them yet.
    /// - Parameter limit: Longest wait for the whole call; `nil` waits for ever.
    /// - Throws: `TimedOut`; `StreamError.closed`; `SystemError` such as EPIPE or ECONNRESET;
    ///   `CancellationError`. Part of the bytes may have been written then.
    /// - Source: Python's `socket.sendall`.
    @available(*, noasync)
    public func write(_ bytes: UnsafeRawBufferPointer, within limit: Duration? = nil) throws {
        let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        unsafe try write(bytes, none, within: limit)
    }

    /// Writes all bytes of two buffers, such as a header and a body. Over a socket this takes one
    /// system call, if the socket takes all of them. See
    /// ``write(_:within:)-(UnsafeRawBufferPointer,_)``.
    /// - Source: `writev`; Python's `socket.sendmsg`.
    @available(*, noasync)
    public func write(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer,
        within limit: Duration? = nil
    ) throws {
        let deadline = Deadline(within: limit)
        var (head, rest) = unsafe (first, second)
        while unsafe !head.isEmpty || !rest.isEmpty {
            let count = unsafe try send(head, rest, until: deadline)
            if count < head.count {
                unsafe head = UnsafeRawBufferPointer(rebasing: head[count...])
            } else {
                unsafe rest = UnsafeRawBufferPointer(rebasing: rest[(count - head.count)...])
                unsafe head = UnsafeRawBufferPointer(start: nil, count: 0)
            }
        }
    }

    /// Writes all of `bytes`; see ``write(_:within:)-(UnsafeRawBufferPointer,_)``.
    @available(*, noasync)
    public func write(_ bytes: [UInt8], within limit: Duration? = nil) throws {
        unsafe try bytes.withUnsafeBytes { unsafe try write($0, within: limit) }
    }

    /// Writes a header and a body; see ``write(_:_:within:)-(UnsafeRawBufferPointer,_,_)``.
    @available(*, noasync)
    public func write(
        _ first: [UInt8], _ second: [UInt8], within limit: Duration? = nil
    ) throws {
        unsafe try first.withUnsafeBytes { first in
            unsafe try second.withUnsafeBytes { unsafe try write(first, $0, within: limit) }
        }
    }

    /// Writes a span; see ``write(_:within:)-(UnsafeRawBufferPointer,_)``.
    @available(*, noasync)
    public func write(_ span: RawSpan, within limit: Duration? = nil) throws {
        unsafe try span.withUnsafeBytes { unsafe try write($0, within: limit) }
    }

    /// Writes the UTF-8 of `text`; see ``write(_:within:)-(UnsafeRawBufferPointer,_)``.
    @available(*, noasync)
    public func write(_ text: String, within limit: Duration? = nil) throws {
        var text = text
        try text.withUTF8 { unsafe try write(UnsafeRawBufferPointer($0), within: limit) }
    }

    /// Writes a message with its length before it; see ``ByteSource/readFrame(atMost:within:)``.
    @available(*, noasync)
    public func writeFrame(_ bytes: [UInt8], within limit: Duration? = nil) throws {
        demand(bytes.count <= UInt32.max, "writeFrame: a message has at most 4 GiB")
        var length = UInt32(bytes.count).bigEndian
        try unsafe withUnsafeBytes(of: &length) { length in
            unsafe try bytes.withUnsafeBytes { unsafe try write(length, $0, within: limit) }
        }
    }
}
