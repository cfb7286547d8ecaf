package import PlaitPlatform

/// A condition in memory that several processes share. A strand or a task waits until it holds.
///
/// The process that makes the condition true changes a word and wakes all that sleep on that word.
/// It may be killed between the two steps, so each waiter also looks by itself now and then.
package struct SharedCondition: Sendable {
    /// How long a waiter sleeps before it looks by itself.
    package static let patience = Duration.milliseconds(50)

    let word: SharedWord
    /// The word that counts the waiters.
    private let waiters: SharedWord?
    /// Returns what the word holds while the condition is false, and nil when it is true. Keeps the
    /// memory alive. Does not block, and takes no lock.
    let expected: @Sendable () -> UInt32?

    package init(
        _ word: SharedWord, counting waiters: SharedWord? = nil,
        while expected: @escaping @Sendable () -> UInt32?
    ) {
        self.word = word
        self.waiters = waiters
        self.expected = expected
    }

    /// The same condition, which also calls `body` each time a waiter finds it false.
    package func asking(_ body: @escaping @Sendable () -> Void) -> SharedCondition {
        SharedCondition(word, counting: waiters) { [expected] in
            let seen = expected()
            if seen != nil { body() }
            return seen
        }
    }

    package var isMet: Bool { expected() == nil }

    /// Waits until the condition is true. Blocks the calling thread or parks the calling fiber.
    /// - Returns: False past the deadline.
    /// - Throws: `CancellationError`; `SystemError` with EAGAIN if the system gives no thread that
    ///   sleeps for the fiber.
    package func wait(
        on target: WaitTarget, until deadline: Deadline, isCancellable: Bool = true
    ) throws -> Bool {
        waiters?.add(1)
        defer { waiters?.subtract(1) }
        if let thread = Strand.current as? ThreadStrand, thread.engine == nil {
            let outcome = thread.wait(
                for: self, on: target, until: deadline, isCancellable: isCancellable)
            return try end(outcome)
        }
        var failure: SystemError?
        let outcome = Parking.block(
            on: target, until: deadline, isCancellable: isCancellable,
            enrol: { enrol($0, &failure) }, withdraw: { SharedWatch.shared.remove($0) })
        if let failure { throw failure }
        return try end(outcome)
    }

    /// As ``wait(on:until:isCancellable:)``, suspending the calling task.
    package func wait(
        on target: WaitTarget, until deadline: Deadline, isCancellable: Bool = true
    ) async throws -> Bool {
        waiters?.add(1)
        defer { waiters?.subtract(1) }
        var failure: SystemError?
        let outcome = await Parking.suspend(
            on: target, until: deadline, isCancellable: isCancellable,
            enrol: { enrol($0, &failure) }, withdraw: { SharedWatch.shared.remove($0) })
        if let failure { throw failure }
        return try end(outcome)
    }

    private func enrol(_ waiter: Waiter, _ failure: inout SystemError?) -> Bool {
        if isMet { return false }
        do throws(SystemError) {
            try SharedWatch.shared.add(waiter, self)
            return true
        } catch {
            failure = error
            return false
        }
    }

    /// A waiter that gives up while the condition is true may have used up a wake-up: it wakes
    /// another.
    private func end(_ outcome: WaitOutcome) throws(CancellationError) -> Bool {
        if !outcome.isWoken && isMet { word.wake(count: 1) }
        return try outcome.wasWoken()
    }
}
