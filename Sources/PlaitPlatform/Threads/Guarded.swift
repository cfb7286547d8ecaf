/// A value under a ``ShortLock``.
///
/// Plait does not use the standard library's `Mutex`, because of forks that other code makes. A
/// `Mutex` knows its holder by the thread's number. Each object file of a program keeps its own
/// copy of that number, taken when it first locks a `Mutex`. After such a fork some copies are the
/// parent's and some the child's. If locking and unlocking were compiled into different files, the
/// child ends with "Call to unlock Mutex on a thread which hasn't acquired the lock".
@safe
@usableFromInline
package final class Guarded<Value>: @unchecked Sendable {
    // Sendable: `guardLock` guards `value`.
    @usableFromInline let guardLock = ShortLock()
    @exclusivity(unchecked) @usableFromInline var value: Value

    @inlinable
    package init(_ value: Value) { unsafe self.value = value }

    /// Runs `body` under the lock. `body` must be a few instructions that neither wait nor call
    /// user code.
    @inlinable
    package func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guardLock.lock()
        defer { guardLock.unlock() }
        return unsafe try body(&value)
    }
}
