/// A value under a ``ShortLock``.
///
/// In place of the standard library's `Mutex`, which knows its holder by the kernel's number of the thread and
/// remembers that number for ever: in a forked child it is the parent's, and who then unlocks a mutex that
/// another thread waits for ends the program.
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
