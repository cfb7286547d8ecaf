/// A value under a ``ShortLock``.
///
/// In place of the standard library's `Mutex`, for children of forks that are not ours: that knows
/// its holder by the thread's number, of which each object file of a program keeps a copy, taken
/// when it first locks one. After such a fork some are the parent's and some the child's; where
/// locking and unlocking were compiled into different files, the child ends with "Call to unlock
/// Mutex on a thread which hasn't acquired the lock".
@safe
@usableFromInline
package final class Guarded<Value>: @unchecked Sendable {
    // Sendable: `guardLock` guards `value`.
    @usableFromInline let guardLock = ShortLock()
    @exclusivity(unchecked) @usableFromInline var value: Value

    @inlinable
    package init(_ value: Value) { unsafe self.value = value }

    /// Runs `body` under the lock: a few instructions, which neither wait nor call the user's code.
    @inlinable
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guardLock.lock()
        defer { guardLock.unlock() }
        return unsafe try body(&value)
    }
}
