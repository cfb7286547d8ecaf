internal import PlaitPlatform
internal import Synchronization

/// The pools that have workers: what the end of the program must wait for.
enum PoolRegistry {
    private static let pools = Guarded<[ObjectIdentifier: ThreadPool]>([:])
    private static let isEnding = Atomic<Bool>(false)

    /// Whether ``finishAtProgramEnd()`` was called: no pool takes work any more.
    static var programIsEnding: Bool { isEnding.load(ordering: .acquiring) }

    static func add(_ pool: ThreadPool) {
        pools.withLock { $0[ObjectIdentifier(pool)] = pool }
    }

    static func remove(_ pool: ThreadPool) {
        _ = pools.withLock { $0.removeValue(forKey: ObjectIdentifier(pool)) }
    }

    static var all: [ThreadPool] { pools.withLock { Array($0.values) } }

    /// Lets all pools finish the work that was given to them, and refuses further work.
    ///
    /// To be called once, when the program ends, by a strand that may block.
    /// - Source: Python's `concurrent.futures.thread._python_exit`.
    static func finishAtProgramEnd() {
        isEnding.store(true, ordering: .releasing)
        // Work in one pool may be what keeps another busy: none takes more before the first is
        // waited for.
        let pools = all
        for pool in pools { pool.close(cancellingQueued: false) }
        for pool in pools { pool.finishAtProgramEnd() }
    }
}
