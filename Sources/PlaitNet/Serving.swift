internal import Logging
internal import PlaitIO
public import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// Connections that a listener serves, and the strands that do it.
final class Connections: Sendable {
    private struct State {
        var strands: [ObjectIdentifier: Strand] = [:]
        var started = 0
        var ended = 0
        var nextWarning: UInt64 = 0
    }

    private let state = Guarded(State())
    /// Set when a connection has ended since it was last cleared.
    let oneEnded = Event()

    var count: Int { state.withLock { $0.started - $0.ended } }

    /// Whether to say again that accepting pauses: once a second, while it goes on.
    func mayWarn() -> Bool {
        let now = monotonicNow()
        return state.withLock { state in
            guard now >= state.nextWarning else { return false }
            state.nextWarning = now + 1_000_000_000
            return true
        }
    }

    func willStart() { state.withLock { $0.started += 1 } }

    func didStart(_ strand: Strand) {
        state.withLock { if strand.isAlive { $0.strands[ObjectIdentifier(strand)] = strand } }
    }

    func didEnd(_ strand: Strand) {
        state.withLock {
            $0.ended += 1
            $0.strands[ObjectIdentifier(strand)] = nil
        }
        oneEnded.set()
    }

    func cancelAll() {
        for strand in state.withLock({ Array($0.strands.values) }) { strand.cancel() }
    }
}

extension StreamListener {
    /// Serves connections, each in a fiber of its own on the calling thread's hub, until the
    /// listener is closed and the last connection has ended.
    ///
    /// Blocks the calling thread or parks the calling fiber. The connection is closed when
    /// `handler` returns or throws; an error harms only its own connection: those of the network
    /// are logged at debug level, others go to ``UncaughtErrors``' log at error level. Without
    /// descriptors (EMFILE), threads or memory, accepting pauses until a connection ends or a tenth
    /// of a second has passed, and says so in the log. When the caller is cancelled, so are the
    /// connections.
    /// - Parameter limit: Connections at the same time; beyond, clients wait in the backlog.
    /// - Throws: `SystemError` when the listener itself fails; `CancellationError`.
    /// - Source: gevent's `StreamServer.serve_forever`.
    @available(*, noasync)
    public func serve(
        limit: Int = 100_000, _ handler: @escaping (StreamSocket) throws -> Void
    ) throws {
        try serve(limit: limit) { connection in
            spawn(.fiber) { self.run(handler, connection) }.strand
        }
    }

    /// Serves connections, each in a strand of a kind that is chosen when the program runs; see
    /// ``serve(limit:_:)``. Threads get stacks of 256 KiB.
    @available(*, noasync)
    public func serve(
        kind: StrandKind, limit: Int = 100_000,
        _ handler: @escaping @Sendable (StreamSocket) throws -> Void
    ) throws {
        try serve(limit: limit) { connection in
            spawn(kind: kind, stackSize: kind == .thread ? 262_144 : nil) {
                self.run(handler, connection)
            }.strand
        }
    }

    /// Cancels the strands of the connections that are being served. Any thread.
    public func cancelConnections() { connections.cancelAll() }

    /// Connections that are being served.
    public var connectionCount: Int { connections.count }

    private func serve(limit: Int, start: (StreamSocket) -> Strand) throws {
        do {
            while let connection = try nextConnection(limit: limit) {
                connections.willStart()
                let strand = start(connection)
                connections.didStart(strand)
                if let error = strand.errorAfterEnd { try refuse(connection, strand, error) }
            }
            while connections.count > 0 { try awaitEnd() }
        } catch {
            connections.cancelAll()
            throw error
        }
    }

    private func run(_ handler: (StreamSocket) throws -> Void, _ connection: StreamSocket) {
        let strand = Strand.current
        defer {
            connection.close()
            connections.didEnd(strand)
        }
        do {
            try handler(connection)
        } catch let error where error is StreamError || error is SystemError || error is TimedOut {
            StreamListener.logger.debug("connection of \(address) ended: \(error)")
        } catch is CancellationError {
            // As asked.
        } catch {
            StreamListener.logger.error("connection of \(address), \(strand.name): \(error)")
        }
    }

    /// Gives up a connection whose strand could not be started, and with it accepting for a while:
    /// the system is out of threads or memory. The strand has not run, and told nobody of its end.
    private func refuse(
        _ connection: StreamSocket, _ strand: Strand, _ error: any Error
    ) throws {
        strand.markObserved()
        connection.close()
        connections.didEnd(strand)
        connections.oneEnded.clear()
        try pause(error)
    }

    /// Lets a connection end, or a tenth of a second pass, before the next is accepted.
    private func pause(_ error: any Error) throws {
        if connections.mayWarn() {
            StreamListener.logger.warning("accepting on \(address) pauses: \(error)")
        }
        try awaitEnd(within: .milliseconds(100))
    }

    /// The next connection; nil when the listener is closed.
    private func nextConnection(limit: Int) throws -> StreamSocket? {
        while true {
            while connections.count >= limit && !isClosed { try awaitEnd() }
            do {
                return try accept()
            } catch StreamError.closed {
                return nil
            } catch let error as SystemError where error.isExhaustion {
                try pause(error)
            }
        }
    }

    /// Waits until a connection has ended.
    private func awaitEnd(within limit: Duration? = nil) throws {
        _ = try connections.oneEnded.wait(within: limit)
        connections.oneEnded.clear()
    }
}

extension SystemError {
    /// The process or the system has run out of what an accepted connection needs.
    var isExhaustion: Bool {
        [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noBufferSpace].contains(errno)
    }
}
