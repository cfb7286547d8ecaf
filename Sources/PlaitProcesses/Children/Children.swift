internal import PlaitLoop
internal import PlaitPlatform
internal import PlaitSelectors
internal import PlaitStrands
internal import PlaitSync

/// The children of this process that are not known to have ended. Each is reaped when it ends,
/// whether or not somebody joins it or refers to it.
///
/// One epoll holds their descriptors. The thread of ``ChildService`` watches it from the first
/// start of a program on. A process that only forks has no such thread, since it could not fork
/// again. There, and if the system refuses the thread, ended children are reaped when the next
/// child starts.
enum Children {
    private struct State {
        /// The children by descriptor.
        var running: [Int32: ChildEnd] = [:]
        /// Made with the first child.
        var watch: ChildWatch?
        /// How many children are being started. They may have numbers already.
        var starting = 0
        /// Whether a thread reaps the children, or is about to.
        var isFollowed = false
    }

    private static let state = Guarded(State())
    /// Set whenever a child is started.
    static let hasStarted = Event()

    /// The children that are not known to have ended, in the order of their numbers.
    static var running: [ChildEnd] {
        state.withLock { Array($0.running.values) }.sorted { $0.pid < $1.pid }
    }

    // MARK: Coming and going

    /// Starts a child by calling `body`. Until `body` returns, no unknown number counts as an
    /// orphan's.
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
        // Add the child before watching it, since an event may come at once.
        state.withLock { $0.running[number] = child }
        do throws(SystemError) {
            try watch.add(number)
        } catch {
            state.withLock { $0.running[number] = nil }
            throw error
        }
        hasStarted.set()
    }

    /// Removes a child that has been reaped.
    static func remove(_ child: ChildEnd) {
        let number = child.watched.number
        let watch = state.withLock { state in
            state.running[number] = nil
            return state.watch
        }
        watch?.remove(number)
    }

    /// Takes the status of all children that have ended.
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

    /// Called in a forked child, which has these processes as siblings.
    static func forget() {
        // Freed outside the lock. The epoll goes on for the parent.
        let parents = state.withLock { state in
            let parents = state
            state = State()
            return parents
        }
        withExtendedLifetime(parents) {}
    }

    /// Whether an ended child is certainly not one that Plait started.
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

    /// Makes sure that children are reaped as soon as they end. The first call starts the thread
    /// that reaps them, without waiting for it, so that a callback may start a child too.
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

    /// The next start of a child tries again, and reaps ended children itself.
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
        // A forked child does not have its parent's epoll.
        try? epoll.unregister(number)
    }

    /// The descriptors of children that have ended and were not reaped.
    var ready: [Int32] {
        looking.withLock {
            var numbers: [Int32] = []
            // This fails only if other code has closed the descriptor.
            try? epoll.look { token, _ in numbers.append(Int32(token)) }
            return numbers
        }
    }
}
