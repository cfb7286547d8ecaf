internal import Logging
public import PlaitIO
public import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import SystemPackage

extension StreamListener {
    /// Serves connections, each in a fiber of its own on the calling thread's hub, until the
    /// listener is closed and the last connection has ended.
    ///
    /// Blocks the calling thread or parks the calling fiber. The connection is closed when
    /// `handler` returns or throws. An error affects only its own connection: errors of the network
    /// are logged at debug level, and others at error level, with the label `plait.net`. When the
    /// system gives no more descriptors (EMFILE), threads or memory, accepting pauses until a
    /// connection ends or a tenth of a second has passed, and a warning is logged. When the caller
    /// is cancelled, the connections are cancelled too.
    /// - Parameter limit: The most connections at the same time. Further clients wait in the
    ///   backlog.
    /// - Throws: `SystemError` when the listener itself fails; `CancellationError`.
    /// - Source: gevent's `StreamServer.serve_forever`.
    @available(*, noasync)
    public func serve(
        limit: Int = 100_000, _ handler: @escaping (StreamSocket) throws -> Void
    ) throws {
        try serve(limit: limit) { connection, id in
            spawn(.fiber) { self.run(handler, connection, id) }.strand
        }
    }

    /// Serves connections, each in a strand of a kind that the program chooses at run time; see
    /// ``serve(limit:_:)``. Threads get stacks of 256 KiB.
    @available(*, noasync)
    public func serve(
        kind: StrandKind, limit: Int = 100_000,
        _ handler: @escaping @Sendable (StreamSocket) throws -> Void
    ) throws {
        try serve(limit: limit) { connection, id in
            spawn(kind: kind, stackSize: kind == .thread ? 262_144 : nil) {
                self.run(handler, connection, id)
            }.strand
        }
    }

    /// Serves connections, each in a task of its own on Swift's pool, until the listener is closed
    /// and the last connection has ended.
    ///
    /// As ``serve(limit:_:)-((StreamSocket)throws->Void)``, suspending the calling task: the hub of
    /// the thread `plait-async` accepts. When the task is cancelled, the connections are cancelled
    /// too.
    public func serve(
        limit: Int = 100_000, _ handler: @escaping @Sendable (StreamSocket) async throws -> Void
    ) async throws {
        demand(limit > 0, "serve(limit: \(limit)): serve at least one connection at a time")
        do {
            connections.acceptorBegins()
            defer { connections.acceptorEnds() }
            while let connection = try await ServiceHub.run({
                try self.nextConnection(limit: limit)
            }) {
                let id = connections.willStart()
                let task = Task {
                    defer { end(connection, id) }
                    do { try await handler(connection) } catch { note(error, by: "a task") }
                }
                connections.didStart(id, .task(task))
            }
        } catch {
            _ = connections.cancelAll()
            throw error
        }
        do {
            try await ServiceHub.run { _ = try self.connections.awaitCount(below: 1) }
        } catch {
            _ = connections.cancelAll()
            throw error
        }
    }

    /// Cancels the strands and tasks that serve connections. Any thread may call it.
    public func cancelConnections() { _ = connections.cancelAll() }

    /// How many connections are being served.
    public var connectionCount: Int { connections.count }

    private func serve(limit: Int, start: (StreamSocket, Int) -> Strand) throws {
        demand(limit > 0, "serve(limit: \(limit)): serve at least one connection at a time")
        do {
            connections.acceptorBegins()
            defer { connections.acceptorEnds() }
            while let connection = try nextConnection(limit: limit) {
                let id = connections.willStart()
                let strand = start(connection, id)
                connections.didStart(id, .strand(strand))
                if let error = strand.errorAfterEnd { try refuse(connection, id, strand, error) }
            }
        } catch {
            _ = connections.cancelAll()
            throw error
        }
        do {
            _ = try connections.awaitCount(below: 1)
        } catch {
            _ = connections.cancelAll()
            throw error
        }
    }

    private func run(
        _ handler: (StreamSocket) throws -> Void, _ connection: StreamSocket, _ id: Int
    ) {
        defer { end(connection, id) }
        do { try handler(connection) } catch { note(error, by: Strand.current.name) }
    }

    private func end(_ connection: StreamSocket, _ id: Int) {
        connection.close()
        connections.didEnd(id)
    }

    /// Logs the error of a handler.
    private func note(_ error: any Error, by server: String) {
        switch error {
        case is CancellationError: break  // As asked.
        case is StreamError, is SystemError, is TimedOut:
            StreamListener.logger.debug("connection of \(address) ended: \(error)")
        default: StreamListener.logger.error("connection of \(address), \(server): \(error)")
        }
    }

    /// Gives up a connection whose strand could not start, and pauses accepting, since the system
    /// is out of threads or memory. The strand has not run, so it has not reported its end.
    private func refuse(
        _ connection: StreamSocket, _ id: Int, _ strand: Strand, _ error: any Error
    ) throws {
        strand.markObserved()
        end(connection, id)
        try pause(error)
    }

    /// Waits until a connection ends or a tenth of a second has passed, before the next is
    /// accepted.
    private func pause(_ error: any Error) throws {
        if connections.mayWarn() {
            StreamListener.logger.warning("accepting on \(address) pauses: \(error)")
        }
        _ = try connections.awaitCount(below: connections.count, within: .milliseconds(100))
    }

    /// The next connection; nil when the listener is closed.
    private func nextConnection(limit: Int) throws -> StreamSocket? {
        while true {
            _ = try connections.awaitCount(below: limit)
            do {
                return try accept()
            } catch StreamError.closed {
                return nil
            } catch let error as SystemError where error.isExhaustion {
                try pause(error)
            }
        }
    }
}

extension StreamListener: Drainable {
    /// As ``close()``.
    public func stopAccepting() { close() }

    @available(*, noasync)
    public func awaitIdle(within limit: Duration?) throws -> Bool {
        try connections.awaitCount(below: 1, isForEnd: true, within: limit)
    }

    /// How many connections are being served.
    public var workCount: Int { connections.count }

    /// Cancels the strands and tasks that serve connections. Any thread may call it.
    public func cutOff() -> Int { connections.cancelAll() }
}

extension SystemError {
    /// The process or the system has run out of what an accepted connection needs.
    var isExhaustion: Bool {
        [.tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noBufferSpace].contains(errno)
    }
}
