package import PlaitPlatform

/// Something in memory that processes share, for which a strand or task waits.
///
/// Whoever makes it so changes a word and wakes those who sleep on it. Who was to do that may have
/// been killed in between: so each looks by itself now and then.
package struct SharedCondition: Sendable {
    /// After this long, a waiter looks by itself.
    package static let patience = Duration.milliseconds(50)

    let word: SharedWord
    /// Where those who wait are counted.
    private let waiters: SharedWord?
    /// What the word holds while there is something to wait for, nil when there is not. Keeps the
    /// memory. Does not block, and takes no lock.
    let expected: @Sendable () -> UInt32?

    package init(
        _ word: SharedWord, counting waiters: SharedWord? = nil,
        while expected: @escaping @Sendable () -> UInt32?
    ) {
        self.word = word
        self.waiters = waiters
        self.expected = expected
    }

    /// The same, which calls `body` each time it is found not to be met.
    package func asking(_ body: @escaping @Sendable () -> Void) -> SharedCondition {
        SharedCondition(word, counting: waiters) { [expected] in
            let seen = expected()
            if seen != nil { body() }
            return seen
        }
    }

    package var isMet: Bool { expected() == nil }

    /// Waits until it is met. Blocks the calling thread or parks the calling fiber.
    /// - Returns: False past the deadline.
    /// - Throws: `CancellationError`; `SystemError`: EAGAIN where there is no thread that sleeps
    ///   for a fiber.
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

    /// One that goes without having what it was woken for wakes another.
    private func end(_ outcome: WaitOutcome) throws(CancellationError) -> Bool {
        if !outcome.isWoken && isMet { word.wake(count: 1) }
        return try outcome.wasWoken()
    }
}
