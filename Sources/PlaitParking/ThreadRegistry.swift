internal import PlaitPlatform

/// The threads of the process that Plait has started or met, while they are alive.
package enum ThreadRegistry {
    // `guardLock` guards `threads`.
    private static let guardLock = ShortLock()
    nonisolated(unsafe) private static var threads: [ObjectIdentifier: ThreadStrand] = [:]

    package static func add(_ thread: ThreadStrand) {
        guardLock.withLock { unsafe threads[ObjectIdentifier(thread)] = thread }
    }

    package static func remove(_ thread: ThreadStrand) {
        // Dropped outside the lock, since this may be the last reference.
        let removed = guardLock.withLock {
            unsafe threads.removeValue(forKey: ObjectIdentifier(thread))
        }
        withExtendedLifetime(removed) {}
    }

    /// All threads, in no order.
    package static var all: [ThreadStrand] {
        guardLock.withLock { unsafe Array(threads.values) }
    }
}
