internal import PlaitPlatform
internal import PlaitStrands

/// The end of a pipe that is read. One strand reads at a time.
///
/// - Source: Python's `Popen.stdout`.
public final class PipeReader: Sendable {
    private let descriptor: PolledDescriptor
    /// Read but not taken: the rest behind a line.
    private let unread = Guarded<[UInt8]>([])

    /// Takes over the non-blocking end of a pipe.
    package init(owning number: Int32) { descriptor = PolledDescriptor(owning: number) }

    /// Reads what there is, at most `count` bytes, waiting while there is nothing.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: Empty when every writer has closed its end.
    /// - Throws: ``PipeError``; `SystemError`; `CancellationError`.
    @available(*, noasync)
    public func read(atMost count: Int = 65_536, within limit: Duration? = nil) throws -> [UInt8] {
        let rest = unread.withLock { unread in
            let taken = Array(unread.prefix(count))
            unread.removeFirst(taken.count)
            return taken
        }
        return try rest.isEmpty
            ? receive(atMost: count, until: Deadline(within: limit)) : rest
    }

    /// Reads everything up to the end.
    /// - Parameter most: Bytes; more throw ``PipeError/tooLong(limit:)``.
    @available(*, noasync)
    public func readToEnd(
        atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) throws -> [UInt8] {
        let deadline = Deadline(within: limit)
        var all = unread.withLock { unread in
            defer { unread = [] }
            return unread
        }
        while true {
            let more = try receive(atMost: 65_536, until: deadline)
            if more.isEmpty { return all }
            all += more
            if all.count > most { throw PipeError.tooLong(limit: most) }
        }
    }

    /// Reads a line of UTF-8, without its line feed; the last one may lack it. nil at the end.
    /// - Parameter most: Bytes; a longer line throws ``PipeError/tooLong(limit:)``.
    @available(*, noasync)
    public func readLine(
        atMost most: Int = 1 << 20, within limit: Duration? = nil
    ) throws -> String? {
        let deadline = Deadline(within: limit)
        while true {
            let line: String? = try unread.withLock { unread in
                guard let end = unread.firstIndex(of: 0x0A) else {
                    if unread.count > most { throw PipeError.tooLong(limit: most) }
                    return nil
                }
                defer { unread.removeSubrange(...end) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            if let line { return line }
            let more = try receive(atMost: 65_536, until: deadline)
            if more.isEmpty {
                return unread.withLock { unread in
                    defer { unread = [] }
                    return unread.isEmpty ? nil : String(decoding: unread, as: UTF8.self)
                }
            }
            unread.withLock { $0 += more }
        }
    }

    /// Closes it: writers get EPIPE, or the signal that comes with it. Any thread.
    public func close() { descriptor.close { _ in } }

    // MARK: Waiting for several

    /// Whether a line was read further than its end.
    var hasUnread: Bool { unread.withLock { !$0.isEmpty } }

    /// The number, which ``close()`` makes another's.
    var number: Int32 { descriptor.number }

    /// Lends the number, which is not closed meanwhile.
    func withNumber<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        try pipeCall { try descriptor.withNumber(body) }
    }

    /// Reads what there is, at most 64 KiB. Nil when there is nothing now, empty at the end.
    func readNow() throws -> [UInt8]? {
        let rest = unread.withLock { unread in
            defer { unread = [] }
            return unread
        }
        if !rest.isEmpty { return rest }
        var attempt = Attempt.wouldBlock
        let bytes = try unsafe [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, filled in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            attempt = try pipeCall {
                try descriptor.withNumber { unsafe Pipes.read($0, into: memory) }
            }
            if case .done(let count) = attempt { filled = count }
        }
        switch attempt {
        case .done: return bytes
        case .wouldBlock: return nil
        case .failed(let errno): throw SystemError(errno: errno, call: "read")
        }
    }

    private func receive(atMost count: Int, until deadline: Deadline) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            let result = try pipeCall {
                try descriptor.read("read", full: 0, within: deadline.remaining) {
                    unsafe Pipes.read($0, into: memory)
                }
            }
            filled = result
        }
    }
}

/// Why a pipe did not do what it was asked. What the system said is a `SystemError`.
public enum PipeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The limit passed; what was read before it is still to be read.
    case timedOut
    /// This program closed its end.
    case closed
    /// More than `limit` bytes came.
    case tooLong(limit: Int)

    public var description: String {
        switch self {
        case .timedOut: "the pipe was not ready within the limit; wait longer or close it"
        case .closed: "the pipe was closed by this program"
        case .tooLong(let limit): "the pipe gave more than \(limit) bytes; raise the limit"
        }
    }
}

/// The result of a call, or what kept it from being done.
func pipeCall<Result>(_ body: () throws -> Result?) throws -> Result {
    do {
        guard let result = try body() else { throw PipeError.timedOut }
        return result
    } catch is DescriptorClosed {
        throw PipeError.closed
    }
}
