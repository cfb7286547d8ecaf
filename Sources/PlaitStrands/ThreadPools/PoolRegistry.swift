internal import PlaitPlatform
internal import Synchronization

/// The pools that have workers. The end of the program must wait for them.
enum PoolRegistry {
    private static let pools = Guarded<[ObjectIdentifier: ThreadPoolCore]>([:])
    private static let isEnding = Atomic<Bool>(false)

    /// Whether ``finishAtProgramEnd()`` was called: no pool takes work any more.
    static var programIsEnding: Bool { isEnding.load(ordering: .acquiring) }

    static func add(_ pool: ThreadPoolCore) {
        pools.withLock { $0[ObjectIdentifier(pool)] = pool }
    }

    static func remove(_ pool: ThreadPoolCore) {
        _ = pools.withLock { $0.removeValue(forKey: ObjectIdentifier(pool)) }
    }

    static var all: [ThreadPoolCore] { pools.withLock { Array($0.values) } }

    /// Lets all pools finish their work, and refuses further work.
    ///
    /// Called once, at the end of the program, by a strand that may block.
    /// - Source: Python's `concurrent.futures.thread._python_exit`.
    static func finishAtProgramEnd() {
        isEnding.store(true, ordering: .releasing)
        // Work in one pool may keep another busy, so close all of them before waiting for the
        // first.
        let pools = all
        for pool in pools { pool.close(cancellingQueued: false) }
        for pool in pools { pool.finishAtProgramEnd() }
    }
}
