package import PlaitPlatform

// How a thread without a hub waits for what only the kernel can tell: beside Parking.block, which
// waits for an unpark. The wait is seen and cancelled as any other; nobody queues it.

/// What one look of such a wait found.
private enum CallLook {
    /// What is waited for.
    case ready
    /// The deadline has passed.
    case late
    /// Neither: the wait was ended by another, or the call returned for nothing.
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
            // Who ends the wait interrupts the call.
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
        // Ready and cancelled at once: cancelled, as it was promised to the canceller.
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
            // Who ends the wait changes the token.
            sleep(
                on: &words, until: min(deadline, Deadline(within: SharedCondition.patience)))
            return .again
        }
    }

    /// Repeats a call that sleeps in the kernel until it finds what is waited for, the deadline
    /// has passed, or the wait is ended by another.
    /// - Parameter wakesBySignal: Whether a signal to the thread ends the call; else a change of
    ///   the thread's token does.
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
            // Who ended it before the first call, interrupted none.
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
