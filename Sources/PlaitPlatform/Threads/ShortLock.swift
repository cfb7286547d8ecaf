public import Synchronization

/// The lock inside a primitive. It is held for a few instructions and never across a wait.
///
/// It blocks the thread, not the strand, so the holder must not park, resume or call user code.
/// Three states, as in Drepper's "Futexes are tricky": 0 free, 1 held, 2 held and somebody sleeps.
@usableFromInline
package struct ShortLock: ~Copyable, Sendable {
    @usableFromInline let word = Atomic<UInt32>(0)

    @inlinable package init() {}

    @inlinable
    package func lock() {
        // .acquiring pairs with the .releasing exchange in unlock().
        let taken = word.compareExchange(
            expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
        ).exchanged
        if !taken { lockSlowly() }
    }

    @inlinable
    package func unlock() {
        if word.exchange(0, ordering: .releasing) == 2 { wakeOne() }
    }

    @usableFromInline
    func lockSlowly() {
        let isTaken = SpinPolicy.shortLock.spin(until: {
            word.load(ordering: .relaxed) == 0
                && word.compareExchange(
                    expected: 0, desired: 1, successOrdering: .acquiring, failureOrdering: .relaxed
                ).exchanged
        })
        if isTaken { return }
        while word.exchange(2, ordering: .acquiring) != 0 {
            _ = Futex.wait(on: word, while: 2, until: .never)
        }
    }

    @usableFromInline
    func wakeOne() { Futex.wake(word) }
}

extension ShortLock {
    /// Runs `body` under the lock.
    @inlinable
    package func withLock<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock()
        defer { unlock() }
        return try body()
    }
}
