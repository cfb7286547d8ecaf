internal import PlaitPlatform
package import PlaitStrands
internal import PlaitSync
package import SystemPackage

/// Carries out the operations of a hub's strands and completes them, as io_uring does.
///
/// A hub without such an engine works by readiness: it makes the system call at once, and waits
/// through its selector only when that would block.
package protocol IOEngine: AnyObject, Sendable {
    /// Begins an operation, whose buffers are the engine's until it calls
    /// ``IOCompletion/end(_:)``, once, on any thread. Never blocks.
    func submit(_ completion: IOCompletion)

    /// Asks to end an operation early. Never blocks.
    ///
    /// The operation still ends by ``IOCompletion/end(_:)``: with `.failed(.canceled)`, or with its
    /// result if the request came too late. Does nothing for an operation that has ended. Any
    /// thread.
    func cancel(_ completion: IOCompletion)
}

/// An operation that an engine carries out, and its result.
@safe
package final class IOCompletion: @unchecked Sendable {
    // Sendable: the engine writes `result` and `chunk` before it sets `isDone`, and the strand that
    // waits reads them after.

    package enum Result: Sendable {
        case done(Int)
        case failed(Errno)
    }

    package let operation: IOOperation
    /// The descriptor's number, which is not closed before the operation has ended.
    package let number: Int32
    let isDone = Event()
    private(set) var result = Result.failed(.canceled)
    private var chunk: Chunk?

    init(_ operation: IOOperation, on number: Int32) {
        self.operation = operation
        self.number = number
    }

    /// Ends the operation, and gives its buffers back.
    package func end(_ result: Result) {
        self.result = result
        isDone.set()
    }

    /// Ends an operation that received into a buffer of the engine's choice.
    package func end(lending chunk: consuming Chunk) {
        result = .done(chunk.count)
        self.chunk = consume chunk
        isDone.set()
    }

    func takeChunk() -> Chunk? { chunk.take() }
}

/// What a hub keeps of its engine, so that finding it costs no cast of a protocol.
final class EngineOfHub: Sendable {
    let engine: any IOEngine

    init(_ engine: any IOEngine) { self.engine = engine }
}

extension Hub {
    /// Lets `engine` carry out the operations that the hub's strands begin from now on. Called on
    /// the hub's thread.
    package func use(_ engine: any IOEngine) { engineOfOperations = EngineOfHub(engine) }

    /// The engine of the hub; nil if it works by readiness.
    @inline(__always)
    var engine: (any IOEngine)? {
        guard let kept = engineOfOperations else { return nil }
        // Only use(_:) writes it.
        return unsafe unsafeDowncast(kept, to: EngineOfHub.self).engine
    }
}
