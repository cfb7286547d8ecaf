internal import DequeModule
internal import PlaitPlatform
internal import PlaitStrands

/// Calls what is to be called when items of a ``ProcessPool`` are done: on a thread of its own, so
/// that it may wait, for the pool as well, and in the order in which the answers came.
final class PoolCallbacks: @unchecked Sendable {
    // Sendable: `guardLock` guards all that varies.
    private let name: String
    private let guardLock = ShortLock()
    /// One, as long as it has something to do.
    private var threads: ThreadPool?
    private var ready: Deque<@Sendable () -> Void> = []
    private var isRunning = false
    /// Turns given, and the next to be served.
    private var given: UInt64 = 0
    private var next: UInt64 = 0
    /// Those whose turn has not come: answers are decoded side by side. Nil where a turn was given
    /// up.
    private var early: [UInt64: (@Sendable () -> Void)?] = [:]

    init(name: String) { self.name = name }

    /// A place in the order. Whoever takes one must ``call(_:turn:)``.
    func takeTurn() -> UInt64 {
        guardLock.withLock {
            defer { given += 1 }
            return given
        }
    }

    /// Has `body` called, after those that have an earlier turn; nil gives up the turn.
    func call(_ body: (@Sendable () -> Void)?, turn: UInt64?) {
        guard body != nil || turn != nil else { return }
        guardLock.lock()
        if let turn {
            early.updateValue(body, forKey: turn)
            while let due = early.removeValue(forKey: next) {
                if let due { ready.append(due) }
                next += 1
            }
        } else if let body {
            ready.append(body)
        }
        let mustRun = !isRunning && !ready.isEmpty
        if mustRun { isRunning = true }
        guardLock.unlock()
        if mustRun { start() }
    }

    /// Waits until all that was given has been called, and the thread has ended. What comes later
    /// is called by whoever brings it.
    func finish() {
        guardLock.withLock { threads }?.shutDown()
    }

    /// Whether there is nothing to wait for.
    var isUnused: Bool { guardLock.withLock { threads == nil } }

    private func start() {
        let threads = guardLock.withLock {
            let threads =
                self.threads
                ?? ThreadPool(
                    workers: 1, queueCapacity: 1, name: "\(name)-callbacks",
                    idleLimit: .seconds(10))
            self.threads = threads
            return threads
        }
        // Where the program ends, or there is no thread to be had, somebody else does it.
        guard let future = try? threads.trySubmit({ self.run() }) else { return run() }
        future.onCompletion { future in
            if (try? future.value()) == nil { self.run() }
        }
    }

    private func run() {
        while let body = takeReady() { body() }
    }

    private func takeReady() -> (@Sendable () -> Void)? {
        guardLock.withLock {
            if ready.isEmpty { isRunning = false }
            return ready.popFirst()
        }
    }
}
