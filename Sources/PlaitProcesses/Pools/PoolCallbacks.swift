internal import DequeModule
internal import PlaitPlatform
internal import PlaitStrands

/// Calls the callbacks of a ``ProcessPool``'s items in the order in which the answers came. It has
/// a thread of its own, so that callbacks may wait, even for the pool.
final class PoolCallbacks: @unchecked Sendable {
    // Sendable: `guardLock` guards all variables.
    private let name: String
    private let guardLock = ShortLock()
    /// A pool of one thread, as long as there is something to do.
    private var threads: ThreadPool?
    private var ready: Deque<@Sendable () -> Void> = []
    private var isRunning = false
    /// How many turns were given, and the next one to serve.
    private var given: UInt64 = 0
    private var next: UInt64 = 0
    /// Callbacks whose turn has not come, since answers are decoded at the same time. Nil if a turn
    /// was given up.
    private var early: [UInt64: (@Sendable () -> Void)?] = [:]

    init(name: String) { self.name = name }

    /// Takes a place in the order. The caller must ``call(_:turn:)`` later.
    func takeTurn() -> UInt64 {
        guardLock.withLock {
            defer { given += 1 }
            return given
        }
    }

    /// Calls `body` after the callbacks with earlier turns; nil gives up the turn.
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

    /// Waits until all callbacks so far have been called and the thread has ended. A later callback
    /// runs on the strand that brings it.
    func finish() {
        guardLock.withLock { threads }?.shutDown()
    }

    /// Whether there is no thread to wait for.
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
        // If the program is ending, or there is no thread, this strand calls them.
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
