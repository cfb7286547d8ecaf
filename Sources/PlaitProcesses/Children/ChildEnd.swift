internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// A child and how it ended: what ``ChildProcess`` shares with those who see to it that none stays
/// a zombie.
final class ChildEnd: Sendable {
    /// The name of one that is no business of the program's.
    static let helper = "fork server"

    let pid: Int32
    let name: String
    /// Whether the end of this program ends it.
    let isDaemon: Bool
    /// Readable once it has ended.
    let watched: Descriptor
    private struct State {
        var status: ExitStatus?
        /// Called once it has ended.
        var atEnd: [@Sendable () -> Void] = []
    }

    /// The lock is held while reaping: the status is taken once.
    private let state = Guarded(State())
    private let hasEnded = Event()

    /// One that was started just now.
    /// - Throws: `SystemError`: EMFILE, ENOSPC. The child is ended then, since nobody could wait
    ///   for it.
    init(_ started: Processes.Started, name: String?, isDaemon: Bool) throws(SystemError) {
        pid = started.pid
        self.name = name ?? "process-\(started.pid)"
        self.isDaemon = isDaemon
        if started.descriptor >= 0 {
            watched = Descriptor(owning: started.descriptor)
        } else {
            // It has ended and left nothing: a counter that is readable takes its place.
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

    /// Has `body` called once it has ended, or now if that is known. It must not wait.
    func atEnd(_ body: @escaping @Sendable () -> Void) {
        let isOver = state.withLock { state in
            if state.status == nil { state.atEnd.append(body) }
            return state.status != nil
        }
        if isOver { body() }
    }

    /// How it ended; nil while it runs. Reaps it.
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
        // The thread that reaps it tells. The system may have refused that thread: hence the looks.
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
            // It has ended since.
            if error.errno != .noSuchProcess { throw error }
        }
    }
}
