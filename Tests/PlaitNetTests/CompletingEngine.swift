import PlaitIO
import PlaitNet
import PlaitPlatform
import PlaitStrands
import Synchronization
import SystemPackage
import TestSupport

/// Completes operations, as io_uring does: a thread of its own works on the caller's buffers after
/// an operation was submitted, chooses buffers of its own for reads that lend, and takes requests
/// to cancel in their turn, so that they may come too late.
final class CompletingEngine: IOEngine, ChunkOwner {
    private enum Request: Sendable {
        case submit(IOCompletion)
        case cancel(IOCompletion)
    }

    private let requests = Guarded<[Request]>([])
    private let counter: Descriptor
    /// The names of the operations that were submitted.
    let submitted = Box<Set<String>>([])
    /// How many buffers it has lent, less those that have come back.
    let lent = Atomic<Int>(0)

    /// A read brings no more: callers may not count on full buffers.
    private static let most = 10_000

    /// It lives as long as the program.
    init() throws {
        counter = try makeEventCounter()
        _ = spawn(.thread, name: "engine", isDaemon: true) { try self.run() }
    }

    func submit(_ completion: IOCompletion) {
        submitted.update { _ = $0.insert("\(completion.operation.name)") }
        post(.submit(completion))
    }

    func cancel(_ completion: IOCompletion) { post(.cancel(completion)) }

    func takeBack(_ buffer: UnsafeMutableRawBufferPointer) {
        unsafe buffer.deallocate()
        lent.subtract(1, ordering: .relaxed)
    }

    private func post(_ request: Request) {
        requests.withLock { $0.append(request) }
        signalEventCounter(counter.number)
    }

    // MARK: On the engine's thread

    private func run() throws {
        var pending: [IOCompletion] = []
        while true {
            drainEventCounter(counter.number)
            let requests = requests.withLock { requests in
                defer { requests = [] }
                return requests
            }
            for request in requests {
                switch request {
                case .submit(let completion):
                    if try !tryToEnd(completion) { pending.append(completion) }
                case .cancel(let completion):
                    guard let index = pending.firstIndex(where: { $0 === completion }) else {
                        continue
                    }
                    pending.remove(at: index)
                    completion.end(.failed(.canceled))
                }
            }
            pending = try pending.filter { try !tryToEnd($0) }
            var calls = PollCalls()
            calls.append(counter.number, .readable)
            for completion in pending {
                calls.append(completion.number, completion.operation.interest)
            }
            _ = try calls.wait(nanoseconds: -1) { _, _ in }
        }
    }

    private func tryToEnd(_ completion: IOCompletion) throws -> Bool {
        var none: Chunk?
        let attempt: Attempt
        switch completion.operation {
        case .wait(let interest):
            var calls = PollCalls()
            calls.append(completion.number, interest)
            let isReady = try calls.wait(nanoseconds: 0) { _, _ in } > 0
            attempt = isReady ? .done(0) : .wouldBlock
        case .receive(let buffer):
            let part = unsafe UnsafeMutableRawBufferPointer(
                rebasing: buffer.prefix(CompletingEngine.most))
            attempt = unsafe Sockets.receive(completion.number, into: part)
        case .receiveChunk:
            let buffer = UnsafeMutableRawBufferPointer.allocate(
                byteCount: CompletingEngine.most, alignment: 16)
            attempt = unsafe Sockets.receive(completion.number, into: buffer)
            if case .done(let count) = attempt, count > 0 {
                lent.add(1, ordering: .relaxed)
                completion.end(lending: unsafe Chunk(lending: buffer, count: count, of: self))
                return true
            }
            unsafe buffer.deallocate()
        default: attempt = completion.operation.attempt(completion.number, &none)
        }
        switch attempt {
        case .done(let count): completion.end(.done(count))
        case .failed(let errno): completion.end(.failed(errno))
        case .wouldBlock: return false
        }
        return true
    }
}

/// A socket each of whose operations goes to a completing engine, whatever strand asks.
final class CompletingStream: ByteSource, ByteSink {
    private let socket: StreamSocket
    private let engine: CompletingEngine

    private init(_ socket: StreamSocket, _ engine: CompletingEngine) {
        self.socket = socket
        self.engine = engine
    }

    static func pair() throws -> (CompletingStream, CompletingStream) {
        let engine = try CompletingEngine()
        let (near, far) = try StreamSocket.pair()
        return (CompletingStream(near, engine), CompletingStream(far, engine))
    }

    var input: StreamInput { socket.input }
    var isClosed: Bool { socket.isClosed }

    func receive(into buffer: UnsafeMutableRawBufferPointer, until deadline: Deadline) throws -> Int
    {
        var none: Chunk?
        return unsafe try perform(.receive(into: buffer), &none, until: deadline)
    }

    func receiveChunk(until deadline: Deadline) throws -> Chunk? {
        var chunk: Chunk?
        _ = try perform(.receiveChunk, &chunk, until: deadline)
        return chunk
    }

    func send(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, until deadline: Deadline
    ) throws -> Int {
        var none: Chunk?
        return unsafe try perform(.send(first, second), &none, until: deadline)
    }

    private func perform(
        _ operation: IOOperation, _ chunk: inout Chunk?, until deadline: Deadline
    ) throws -> Int {
        do {
            let result = try socket.descriptor.complete(
                operation, &chunk, by: engine, until: deadline)
            guard let result else { throw TimedOut("operation of the engine") }
            return result
        } catch is DescriptorClosed {
            throw StreamError.closed
        }
    }

    func endWriting() throws { try socket.endWriting() }
    func close() { socket.close() }
}
