internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// A child and how it ended: what ``ChildProcess`` shares with those who see to it that none stays a zombie.
final class ChildEnd: Sendable {
    /// The name of one that is no business of the program's.
    static let helper = "fork server"

    let pid: Int32
    let name: String
    /// Whether the end of this program ends it.
    let isDaemon: Bool
    /// Readable once it has ended.
    let watched: Descriptor
    /// The lock is held while reaping: the status is taken once.
    private let state = Guarded<ExitStatus?>(nil)
    private let hasEnded = Event()

    /// One that was started just now.
    /// - Throws: `SystemError`: EMFILE, ENOSPC. The child is ended then, since nobody could wait for it.
    init(started pid: Int32, name: String?, isDaemon: Bool) throws(SystemError) {
        self.pid = pid
        self.name = name ?? "process-\(pid)"
        self.isDaemon = isDaemon
        do throws(SystemError) {
            watched = try Processes.descriptor(of: pid)
        } catch {
            Processes.discard(pid)
            throw error
        }
        do throws(SystemError) {
            try Children.add(self)
        } catch {
            Processes.discard(pid)
            throw error
        }
    }

    /// How it ended; nil while it runs. Reaps it.
    var status: ExitStatus? {
        let (status, isNew) = state.withLock { state -> (ExitStatus?, Bool) in
            if let state { return (state, false) }
            state = ExitStatus(Processes.reap(watched.number))
            return (state, state != nil)
        }
        if isNew {
            Children.remove(self)
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
