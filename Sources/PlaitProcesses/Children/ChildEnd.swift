internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// A child and how it ended. A ``ChildProcess`` shares it with the code that reaps children.
final class ChildEnd: Sendable {
    /// The name of a helper, which the program need not know of.
    static let helper = "fork server"

    let pid: Int32
    let name: String
    /// Whether the end of this program ends the child.
    let isDaemon: Bool
    /// Readable once the child has ended.
    let watched: Descriptor
    private struct State {
        var status: ExitStatus?
        /// The closures to call once the child has ended.
        var atEnd: [@Sendable () -> Void] = []
    }

    /// The lock is held while reaping, so that the status is taken once.
    private let state = Guarded(State())
    private let hasEnded = Event()

    /// Takes over a child that has just been started.
    /// - Throws: `SystemError`: EMFILE, ENOSPC. The initializer ends the child then, since nobody
    ///   could wait for it.
    init(_ started: Processes.Started, name: String?, isDaemon: Bool) throws(SystemError) {
        pid = started.pid
        self.name = name ?? "process-\(started.pid)"
        self.isDaemon = isDaemon
        if started.descriptor >= 0 {
            watched = Descriptor(owning: started.descriptor)
        } else {
            // The child has ended and left nothing, so a readable counter takes its place.
            watched = try makeEventCounter()
            signalEventCounter(watched.number)
        }
        do throws(SystemError) {
            try Children.add(self)
        } catch {
            Processes.discard(watched.number)
            throw error
        }
    }

    /// Calls `body` once the child has ended, or now if it is known to have ended. `body` must not
    /// wait.
    func atEnd(_ body: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if state.status == nil { state.atEnd.append(body) }
            return state.status != nil
        }
        if isOver { body() }
    }

    /// How the child ended; nil while it runs. Reaps the child.
    var status: ExitStatus? {
        let (status, told) = state.withLock { state -> (ExitStatus?, [@Sendable () -> Void]?) in
            if let status = state.status { return (status, nil) }
            state.status = ExitStatus(Processes.reap(watched.number))
            if state.status == nil { return (nil, nil) }
            defer { state.atEnd = [] }
            return (state.status, state.atEnd)
        }
        if let told {
            Children.remove(self)
            for body in told { body() }
            hasEnded.set()
        }
        return status
    }

    @available(*, noasync)
    func join(until deadline: Deadline) throws -> ExitStatus? {
        while true {
            if let status { return status }
            guard try Strand.waitReadable(watched.number, until: deadline) else { return status }
        }
    }

    func join(within limit: Duration?) async throws -> ExitStatus? {
        if let status { return status }
        // The thread that reaps children tells of the end. The system may have refused that thread,
        // so look now and then.
        Children.follow()
        let deadline = Deadline(within: limit)
        while true {
            let rest = deadline.remaining ?? .seconds(1)
            let isOver = try await hasEnded.wait(within: min(rest, .seconds(1)))
            if let status { return status }
            if isOver || deadline.remaining == .zero { return nil }
        }
    }

    func send(_ signal: Signal) throws(SystemError) {
        if status != nil { return }
        do throws(SystemError) {
            try Processes.send(signal, to: watched.number, pid: pid)
        } catch {
            // The child has ended meanwhile.
            if error.errno != .noSuchProcess { throw error }
        }
    }
}
