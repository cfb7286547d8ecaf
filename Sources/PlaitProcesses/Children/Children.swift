internal import PlaitLoop
internal import PlaitPlatform
internal import PlaitSelectors
internal import PlaitStrands
internal import PlaitSync

/// The children of this process that have not been seen to end: each is reaped when it does,
/// whether or not somebody joins it or refers to it.
///
/// Their descriptors are in one epoll, which the thread of ``ChildService`` watches from the first
/// program on that is started. A process that only forks has no such thread, since it could not
/// fork again: there, and where the system refuses the thread, those that have ended are reaped
/// when the next child is started.
enum Children {
    private struct State {
        /// By descriptor.
        var running: [Int32: ChildEnd] = [:]
        /// Made with the first child.
        var watch: ChildWatch?
        /// Children that are being started: they have numbers already, perhaps.
        var starting = 0
        /// Whether somebody reaps them, or will.
        var isFollowed = false
    }

    private static let state = Guarded(State())
    /// Set with each one that is started.
    static let hasStarted = Event()

    /// Those that have not been seen to end, in the order of their numbers.
    static var running: [ChildEnd] {
        state.withLock { Array($0.running.values) }.sorted { $0.pid < $1.pid }
    }

    // MARK: Coming and going

    /// Starts a child, that is, calls `body`: until it returns, no number is an orphan's.
    static func starting<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        state.withLock { $0.starting += 1 }
        defer { state.withLock { $0.starting -= 1 } }
        return try body()
    }

    static func add(_ child: ChildEnd) throws(SystemError) {
        let number = child.watched.number
        let watch = try madeWatch()
        // Before it is watched: an event may come at once.
        state.withLock { $0.running[number] = child }
        do throws(SystemError) {
            try watch.add(number)
        } catch {
            state.withLock { $0.running[number] = nil }
            throw error
        }
        hasStarted.set()
    }

    /// Of one that has been reaped.
    static func remove(_ child: ChildEnd) {
        let number = child.watched.number
        let watch = state.withLock { state in
            state.running[number] = nil
            return state.watch
        }
        watch?.remove(number)
    }

    /// Takes the status of those that have ended.
    static func reap() {
        guard let watch = state.withLock({ $0.watch }) else { return }
        while true {
            let numbers = watch.ready
            var reaped = 0
            for number in numbers {
                if let child = state.withLock({ $0.running[number] }), child.status != nil {
                    reaped += 1
                }
            }
            if numbers.count < ChildWatch.batch || reaped == 0 { return }
        }
    }

    /// In a forked child, whose siblings they are.
    static func forget() {
        // Freed outside the lock. The epoll goes on for the parent.
        let parents = state.withLock { state in
            let parents = state
            state = State()
            return parents
        }
        withExtendedLifetime(parents) {}
    }

    /// Whether a child that has ended can be none of ours.
    static func isStranger(_ pid: Int32) -> Bool {
        state.withLock { $0.starting == 0 && !$0.running.values.contains { $0.pid == pid } }
    }

    // MARK: Watching

    private static func madeWatch() throws(SystemError) -> ChildWatch {
        try state.withLock { (state) throws(SystemError) in
            if let watch = state.watch { return watch }
            let watch = try ChildWatch()
            state.watch = watch
            return watch
        }
    }

    /// Sees to it that children are reaped as soon as they end: the first time, has the thread
    /// started that does. Does not wait for it, so that a callback may start a child too.
    static func follow() {
        let isFirst = state.withLock { state in
            defer { state.isFollowed = true }
            return !state.isFollowed
        }
        guard isFirst else { return }
        do {
            try startThread(name: "plait-starter") {
                do { try watchOnService() } catch { giveUp() }
            }
        } catch {
            giveUp()
        }
    }

    private static func watchOnService() throws {
        let watch = try madeWatch()
        let hub = try ChildService.hub
        let isPosted = hub.post {
            do throws(SystemError) {
                try hub.loop.register(watch.number).onReadable { _ in reap() }
            } catch {
                giveUp()
            }
        }
        if !isPosted { giveUp() }
    }

    /// The next start tries again; meanwhile it reaps.
    private static func giveUp() {
        state.withLock { $0.isFollowed = false }
        reap()
    }
}

/// The descriptors of children, in an epoll.
private final class ChildWatch: @unchecked Sendable {
    // Sendable: `looking` guards the memory that `wait` fills; the system guards the rest.
    private let epoll: EpollSelector
    private let looking = ShortLock()

    static var batch: Int { 64 }

    init() throws(SystemError) { epoll = try EpollSelector(batch: ChildWatch.batch) }

    /// Readable when a child has ended.
    var number: Int32 { epoll.descriptor }

    func add(_ number: Int32) throws(SystemError) {
        try epoll.register(
            number, interest: .readable, mode: .level, token: UInt64(number))
    }

    func remove(_ number: Int32) {
        // A forked child does not have its parent's.
        try? epoll.unregister(number)
    }

    /// Of children that have ended and were not reaped.
    var ready: [Int32] {
        looking.withLock {
            var numbers: [Int32] = []
            // Fails for nothing but a descriptor that others have closed.
            try? epoll.look { token, _ in numbers.append(Int32(token)) }
            return numbers
        }
    }
}
