package import PlaitPlatform

// Waits of a thread without a hub for events that only the kernel can tell. They stand beside
// Parking.block, which waits for an unpark. Listings show such a wait, and it can be cancelled,
// like any other; but it is in no queue.

/// The result of one look of such a wait.
private enum CallLook {
    /// The event has happened.
    case ready
    /// The deadline has passed.
    case late
    /// Neither: another thread ended the wait, or the call returned for no reason.
    case again
}

extension ThreadStrand {
    /// Blocks the thread until a descriptor is ready; nil when the deadline passed first.
    package func wait(
        for number: Int32, _ interest: Readiness, until deadline: Deadline
    ) throws -> Readiness? {
        var readiness: Readiness?
        let outcome = try blockInCalls(
            on: WaitTarget("descriptor"), isCancellable: true, wakesBySignal: true
        ) { () throws in
            // A thread that ends the wait interrupts the call.
            let result = try waitForDescriptor(
                number, interest, until: deadline, interrupt: threadInterrupt)
            switch result {
            case .ready(let found):
                readiness = found
                return .ready
            case .timedOut: return .late
            case .interrupted: return .again
            }
        }
        // If the descriptor is ready and the wait is cancelled, the cancellation counts: the
        // canceller was promised that.
        return try outcome.wasWoken() ? readiness : nil
    }

    /// Blocks the thread until a condition in shared memory is met.
    package func wait(
        for condition: SharedCondition, on target: WaitTarget, until deadline: Deadline,
        isCancellable: Bool
    ) -> WaitOutcome {
        var words = SleepWords()
        return blockInCalls(on: target, isCancellable: isCancellable, wakesBySignal: false) {
            guard let expected = condition.expected() else { return .ready }
            if deadline != .never && deadline <= .now { return .late }
            words.removeAll()
            words.append(condition.word, while: expected)
            // A thread that ends the wait changes the token.
            sleep(
                on: &words, until: min(deadline, Deadline(within: SharedCondition.patience)))
            return .again
        }
    }

    /// Repeats a call that sleeps in the kernel until it finds the event, the deadline has passed,
    /// or another thread has ended the wait.
    /// - Parameter wakesBySignal: Whether a signal to the thread ends the call. Otherwise a change
    ///   of the thread's token does.
    private func blockInCalls<Failure: Error>(
        on target: WaitTarget, isCancellable: Bool, wakesBySignal: Bool,
        _ call: () throws(Failure) -> CallLook
    ) throws(Failure) -> WaitOutcome {
        var node = unsafe WaiterNode(parker: .passUnretained(self), target: target, slot: nil)
        return try unsafe withUnsafeMutablePointer(to: &node) { (pointer) throws(Failure) in
            let waiter = unsafe Waiter(pointer)
            guard prepare(waiter, isCancellable: isCancellable) else { return .cancelled }
            enterCall(wakesBySignal: wakesBySignal)
            defer { leaveCall() }
            // A thread that ended the wait before the first call has not interrupted one.
            while waiter.outcome == .pending {
                let look: CallLook
                do throws(Failure) {
                    look = try call()
                } catch {
                    settle(waiter, .woken)
                    throw error
                }
                switch look {
                case .ready: settle(waiter, .woken)
                case .late: settle(waiter, .timedOut)
                case .again:
                    StrandDump.answerIfAsked()
                    continue
                }
                return waiter.outcome
            }
            awaitToken(waiter)
            return waiter.outcome
        }
    }

    private func settle(_ waiter: Waiter, _ outcome: WaitOutcome) {
        if !waiter.settle(outcome) { awaitToken(waiter) }
    }
}
