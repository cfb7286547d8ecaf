internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
public import SystemPackage

/// Something that ``waitAny(_:within:)`` waits for.
public enum WaitSource: Sendable {
    /// A message, its beginning, or the end of messages: see ``Connection/poll(within:)``.
    case connection(Connection)
    /// The end of a child.
    case child(ChildProcess)
    /// Bytes to read, or the end of the stream.
    case pipe(PipeReader)
    /// Bytes to read, or an end. The caller keeps the descriptor open.
    case descriptor(FileDescriptor)
}

/// Waits until at least one of several sources is ready.
///
/// Blocks the calling thread or parks the calling fiber. The call takes nothing: a ready source
/// stays ready until somebody receives or reads.
/// ```swift
/// let child = try ChildProcess.start("sleep", ["0.01"])
/// let (here, there) = try Connection.pair()
/// try there.send([1, 2, 3])
/// print(try waitAny([.child(child), .connection(here)], within: .seconds(5)))
/// ```
/// - Parameter limit: Longest wait; `nil` waits for ever, zero or less looks once.
/// - Returns: The indices of the ready sources, in order; empty when the limit passed first.
/// - Throws: `ConnectionError.closed`, `.wrongDirection`; `StreamError.closed`; `SystemError`:
///   EBADF, EMFILE; `CancellationError`.
/// - Source: Python's `multiprocessing.connection.wait`.
@available(*, noasync, message: "in a task: one task for each, in a task group")
public func waitAny(
    _ sources: [WaitSource], within limit: Duration? = nil
) throws -> [Int] {
    let deadline = Deadline(within: limit)
    let ready = try sources.indices.filter { try sources[$0].isReady }
    var places: [Int32: [Int]] = [:]
    var waits = try DescriptorSet(capacity: sources.count)
    for (place, source) in sources.enumerated() {
        try source.withNumber { number in
            if places[number] == nil { try waits.add(number, .readable, token: UInt64(number)) }
            places[number, default: []].append(place)
        }
    }
    let found = try waits.wait(until: ready.isEmpty ? deadline : .immediate)
    return Set(ready + found.flatMap { places[Int32($0)] ?? [] }).sorted()
}

extension WaitSource {
    /// Whether the source is ready in a way that its descriptor does not show.
    fileprivate var isReady: Bool {
        get throws {
            switch self {
            case .connection(let connection): try connection.poll()
            case .child(let child): !child.isAlive
            case .pipe(let pipe): !pipe.input.isEmpty
            case .descriptor: false
            }
        }
    }

    /// Calls `body` with the source's descriptor, which stays open meanwhile.
    fileprivate func withNumber(_ body: (Int32) throws -> Void) throws {
        switch self {
        case .connection(let connection): try connection.withNumber(body)
        case .child(let child): try body(child.sentinel.rawValue)
        case .pipe(let pipe): try pipe.withNumber(body)
        case .descriptor(let descriptor): try body(descriptor.rawValue)
        }
    }
}
