package import PlaitPlatform

/// What a strand asks of a descriptor: a value that an engine carries out.
///
/// The buffers belong to the operation until it has ended. Nobody else touches them before.
@safe
package enum IOOperation: @unchecked Sendable {
    // Sendable: the strand that made the operation leaves the buffers alone until it has ended.

    /// Receives from a socket.
    case receive(into: UnsafeMutableRawBufferPointer)
    /// Receives from a socket into a buffer that the engine chooses.
    case receiveChunk
    /// Sends part of two buffers over a socket, the first one first.
    case send(UnsafeRawBufferPointer, UnsafeRawBufferPointer)
    /// Reads from a pipe.
    case read(into: UnsafeMutableRawBufferPointer)
    /// Reads from a pipe into a buffer that the engine chooses.
    case readChunk
    /// Writes part of two buffers to a pipe, the first one first.
    case write(UnsafeRawBufferPointer, UnsafeRawBufferPointer)
    /// Accepts a connection. The result is its non-blocking descriptor.
    case accept
    case connect(SocketAddress)
    /// Waits until the descriptor is ready, and moves nothing.
    case wait(Readiness)

    /// The name of the system call.
    package var name: StaticString {
        switch self {
        case .receive, .receiveChunk: "recv"
        case .send: "send"
        case .read, .readChunk: "read"
        case .write: "write"
        case .accept: "accept"
        case .connect: "connect"
        case .wait: "poll"
        }
    }

    /// What the descriptor must be ready for.
    package var interest: Readiness {
        switch self {
        case .receive, .receiveChunk, .read, .readChunk, .accept: .readable
        case .send, .write, .connect: .writable
        case .wait(let interest): interest
        }
    }

    /// Whether a result of 0 says that nothing comes any more.
    var isRead: Bool {
        switch self {
        case .receive, .receiveChunk, .read, .readChunk: true
        case .send, .write, .accept, .connect, .wait: false
        }
    }

    /// A result below it says that nothing is left to read; 0 if results say nothing, as those of
    /// pipes.
    var full: Int {
        switch self {
        case .receive(let buffer): buffer.count
        case .receiveChunk: BufferPool.size
        default: 0
        }
    }

    /// Makes the system call once, without waiting. After `.wouldBlock` the caller makes it again
    /// when the descriptor is ready; also `connect`, whose second call tells how the first one
    /// ended.
    ///
    /// - Parameter chunk: Gets what an operation received whose buffer the engine chooses.
    /// - Returns: `.wouldBlock` for ``wait(_:)``, which makes no call.
    package func attempt(_ number: Int32, _ chunk: inout Chunk?) -> Attempt {
        switch self {
        case .receive(let buffer): return unsafe Sockets.receive(number, into: buffer)
        case .read(let buffer): return unsafe Pipes.read(number, into: buffer)
        case .receiveChunk:
            return unsafe fill(&chunk) { unsafe Sockets.receive(number, into: $0) }
        case .readChunk: return unsafe fill(&chunk) { unsafe Pipes.read(number, into: $0) }
        case .send(let first, let second):
            if unsafe second.isEmpty { return unsafe Sockets.send(number, first) }
            if unsafe first.isEmpty { return unsafe Sockets.send(number, second) }
            return unsafe Sockets.send(number, first, second, passing: nil)
        case .write(let first, let second):
            return unsafe Pipes.write(number, first.isEmpty ? second : first)
        case .accept: return Sockets.accept(number)
        case .connect(let address): return Sockets.connect(number, address)
        case .wait: return .wouldBlock
        }
    }

    /// Takes a buffer of the pool only for the call: a strand that waits owns none.
    @inline(__always)
    private func fill(
        _ chunk: inout Chunk?, _ call: (UnsafeMutableRawBufferPointer) -> Attempt
    ) -> Attempt {
        var attempt = Attempt.wouldBlock
        let filled = unsafe Chunk { buffer in
            attempt = unsafe call(buffer)
            if case .done(let count) = attempt { return count }
            return 0
        }
        if !filled.isEmpty { chunk = consume filled }
        return attempt
    }
}
