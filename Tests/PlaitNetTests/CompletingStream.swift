import PlaitIO
import PlaitPlatform
import PlaitStrands
import PlaitSync
import SystemPackage
import TestSupport

/// A stream whose operations an engine completes, as io_uring does: a thread of its own works on
/// the caller's buffer after the call was submitted, and cancelling one is a request of its own,
/// which may come too late.
///
/// It shows that the requirements of ``ByteSource`` and ``ByteSink`` suffice: a call returns or
/// throws only when the engine has given the buffer back, so that a cancelled one that had moved
/// bytes returns them.
final class CompletingStream: ByteSource, ByteSink {
    let input = StreamInput()
    private let incoming: CompletingPipe
    private let outgoing: CompletingPipe

    private init(_ incoming: CompletingPipe, _ outgoing: CompletingPipe) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    static func pair() -> (CompletingStream, CompletingStream) {
        let engine = CompletionEngine()
        let (there, back) = (CompletingPipe(engine), CompletingPipe(engine))
        return (CompletingStream(there, back), CompletingStream(back, there))
    }

    func receive(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) throws -> Int
    {
        unsafe try incoming.perform(.receive(Memory(buffer)), until: deadline)
    }

    func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        let all = unsafe [first, second].map {
            unsafe Memory(UnsafeMutableRawBufferPointer(mutating: $0))
        }
        return try outgoing.perform(.send(all), until: deadline)
    }

    func endWriting() throws { outgoing.engine.submit { [outgoing] in outgoing.end() } }

    var isClosed: Bool { incoming.isReaderClosed.value }

    func close() {
        incoming.isReaderClosed.set(true)
        incoming.engine.submit { [incoming, outgoing] in
            incoming.closeReader()
            outgoing.closeWriter()
        }
    }
}

/// A caller's buffer, which belongs to the engine until the operation has ended.
@safe
private struct Memory: @unchecked Sendable {
    // Sendable: the caller does not touch it meanwhile.
    let bytes: UnsafeMutableRawBufferPointer

    init(_ bytes: UnsafeMutableRawBufferPointer) { unsafe self.bytes = unsafe bytes }
}

/// The thread that carries operations out, in the order in which they were submitted.
private final class CompletionEngine: Sendable {
    private let submissions = Queue<@Sendable () -> Void>(capacity: 1_024)

    init() {
        let submissions = submissions
        _ = spawn(.thread, name: "engine", isDaemon: true) {
            while let work = try? submissions.get() { work() }
        }
    }

    deinit { submissions.shutDown() }

    func submit(_ work: @escaping @Sendable () -> Void) {
        // It has room: one operation an end and direction, and its cancellation.
        try? submissions.put(work)
    }
}

/// One direction. All but `isReaderClosed` belongs to the engine's thread.
private final class CompletingPipe: @unchecked Sendable {
    // Sendable: the engine's thread alone uses what varies.
    final class Pending: Sendable {
        enum Kind: Sendable {
            case receive(Memory)
            case send([Memory])
        }

        let kind: Kind
        let isDone = Event()
        let result = Box<Result<Int, any Error>?>(nil)

        init(_ kind: Kind) { self.kind = kind }

        func complete(_ value: Result<Int, any Error>) {
            result.set(value)
            isDone.set()
        }
    }

    struct WasCancelled: Error {}

    let engine: CompletionEngine
    let isReaderClosed = Box(false)
    private var bytes: [UInt8] = []
    private var hasEnded = false
    private var isWriterClosed = false
    private var isReaderGone = false
    private var waiting: [Pending] = []

    init(_ engine: CompletionEngine) { self.engine = engine }

    /// Submits an operation and waits for its completion. When the caller must give up, it asks the
    /// engine to cancel, and still waits for the completion.
    func perform(_ kind: Pending.Kind, until deadline: Deadline) throws -> Int {
        let pending = Pending(kind)
        engine.submit { [self] in
            waiting.append(pending)
            advance()
        }
        var reason: any Error = TimedOut("operation of the engine")
        do {
            if try !pending.isDone.wait(within: deadline.remaining) { cancel(pending) }
        } catch {
            reason = error
            cancel(pending)
        }
        pending.isDone.waitUncancellably()
        do {
            return try pending.result.value?.get() ?? 0
        } catch is WasCancelled {
            throw reason
        }
    }

    private func cancel(_ pending: Pending) {
        engine.submit { [self] in
            guard let index = waiting.firstIndex(where: { $0 === pending }) else { return }
            waiting.remove(at: index)
            pending.complete(.failure(WasCancelled()))
        }
    }

    // MARK: On the engine's thread

    func end() {
        hasEnded = true
        advance()
    }

    func closeWriter() {
        isWriterClosed = true
        end()
    }

    func closeReader() {
        isReaderGone = true
        advance()
    }

    /// Completes what can be, until nothing moves.
    private func advance() {
        while let index = waiting.firstIndex(where: { tryToEnd($0) }) { waiting.remove(at: index) }
    }

    private func tryToEnd(_ pending: Pending) -> Bool {
        guard let result = attempt(pending.kind) else { return false }
        pending.complete(result)
        return true
    }

    private func attempt(_ kind: Pending.Kind) -> Result<Int, any Error>? {
        switch kind {
        case .receive(let memory):
            if isReaderGone { return .failure(StreamError.closed) }
            // A short read now and then: callers may not count on full buffers.
            let count = unsafe min(bytes.count, memory.bytes.count, 10_000)
            if count == 0 { return hasEnded ? .success(0) : nil }
            unsafe memory.bytes.copyBytes(from: bytes.prefix(count))
            bytes.removeFirst(count)
            return .success(count)
        case .send(let parts):
            if isWriterClosed { return .failure(StreamError.closed) }
            if isReaderGone || hasEnded {
                return .failure(SystemError(errno: .brokenPipe, call: "write"))
            }
            let all = parts.flatMap { unsafe Array($0.bytes) }
            let count = min(all.count, 65_536 - bytes.count)
            if count == 0 { return all.isEmpty ? .success(0) : nil }
            bytes += all.prefix(count)
            return .success(count)
        }
    }
}
