public import PlaitParking
public import PlaitPlatform

/// What became of one look at a channel.
@usableFromInline
enum ChannelAttempt {
    /// The item was moved. A counterpart whose wait that ended is to be unparked after unlocking.
    case done(unparking: Waiter?)
    case mustWait
    case closed
}

// How a Channel moves items between its state and the places of those who wait, which are as a
// Queue's: see QueueWaiting.swift.
extension Channel {
    /// Moves the item in `place` on, if that is possible now. Under the lock.
    @inlinable
    @unsafe
    func attemptSend(_ place: UnsafeMutablePointer<Element?>) -> ChannelAttempt {
        switch unsafe state.send(place.pointee.take().unsafelyUnwrapped) {
        case .stored: return .done(unparking: nil)
        case .handTo(let receiver):
            unsafe receiver.place(of: Element.self).pointee = place.pointee.take()
            return .done(unparking: receiver)
        case .full: return .mustWait
        case .closed: return .closed
        }
    }

    /// Moves the oldest item to `place`, if there is one. Under the lock.
    @inlinable
    @unsafe
    func attemptReceive(_ place: UnsafeMutablePointer<Element?>) -> ChannelAttempt {
        switch unsafe state.receive() {
        case .item(let item, let sender):
            unsafe place.pointee = item
            if let sender, let next = unsafe sender.place(of: Element.self).pointee.take() {
                unsafe state.refill(next)
            }
            return .done(unparking: sender)
        case .takeFrom(let sender):
            unsafe place.pointee = sender.place(of: Element.self).pointee.take()
            return .done(unparking: sender)
        case .empty: return .mustWait
        case .closed: return .closed
        }
    }

    /// Whether the item was moved; false when a sender must wait.
    @inlinable
    func sendAtOnce(from place: inout Element?) throws(ChannelError) -> Bool {
        guardLock.lock()
        let attempt = unsafe withUnsafeMutablePointer(to: &place) { unsafe attemptSend($0) }
        return try finishAttempt(attempt)
    }

    /// Whether an item was moved to `place`; false when a receiver must wait.
    @inlinable
    func receiveAtOnce(into place: inout Element?) throws(ChannelError) -> Bool {
        guardLock.lock()
        let attempt = unsafe withUnsafeMutablePointer(to: &place) { unsafe attemptReceive($0) }
        return try finishAttempt(attempt)
    }

    @inlinable
    func finishAttempt(_ attempt: ChannelAttempt) throws(ChannelError) -> Bool {
        guardLock.unlock()
        switch attempt {
        case .done(let waiter):
            waiter?.unpark()
            return true
        case .mustWait: return false
        case .closed: throw .closed
        }
    }

    // MARK: Enrolling

    @inlinable
    func enrolSender(_ waiter: Waiter) -> Bool {
        guardLock.lock()
        let attempt = unsafe attemptSend(waiter.place(of: Element.self))
        if case .mustWait = attempt { unsafe state.senders.append(waiter) }
        return finishEnrolment(attempt)
    }

    @inlinable
    func enrolReceiver(_ waiter: Waiter) -> Bool {
        guardLock.lock()
        let attempt = unsafe attemptReceive(waiter.place(of: Element.self))
        if case .mustWait = attempt { unsafe state.receivers.append(waiter) }
        return finishEnrolment(attempt)
    }

    /// Whether there is a wait.
    @inlinable
    func finishEnrolment(_ attempt: ChannelAttempt) -> Bool {
        guardLock.unlock()
        switch attempt {
        case .done(let counterpart):
            counterpart?.unpark()
            return false
        case .mustWait: return true
        // Shows in the place: what was to be sent is there still, what was to come is not.
        case .closed: return false
        }
    }

    @inlinable
    func withdrawSender(_ waiter: Waiter) {
        _ = guardLock.withLock { unsafe state.senders.remove(waiter) }
    }

    @inlinable
    func withdrawReceiver(_ waiter: Waiter) {
        _ = guardLock.withLock { unsafe state.receivers.remove(waiter) }
    }

    // MARK: Spinning

    /// Whether the item was taken before the calling task had to suspend.
    @inlinable
    func spinToSend(from place: inout Element?, within limit: Duration?) throws -> Bool {
        guard maySpin(within: limit) else { return false }
        let outcome = unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.spin(
                on: WaitTarget("Channel.send", self), slot: UnsafeMutableRawPointer(slot),
                history: spins, enrol: { self.enrolSender($0) },
                withdraw: { self.withdrawSender($0) })
        }
        guard let outcome else { return false }
        return try finishSend(outcome, isTaken: place == nil)
    }

    /// Whether an item came before the calling task had to suspend.
    @inlinable
    func spinToReceive(into place: inout Element?, within limit: Duration?) throws -> Bool {
        guard maySpin(within: limit) else { return false }
        let outcome = unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.spin(
                on: WaitTarget("Channel.receive", self), slot: UnsafeMutableRawPointer(slot),
                history: spins, enrol: { self.enrolReceiver($0) },
                withdraw: { self.withdrawReceiver($0) })
        }
        guard let outcome else { return false }
        try finishReceive(outcome, isEmpty: place == nil)
        return true
    }

    /// Not where the limit could pass meanwhile, nor in a cancelled task.
    @inlinable
    func maySpin(within limit: Duration?) -> Bool {
        if let limit, limit < .milliseconds(1) { return false }
        return !Task.isCancelled
    }

    // MARK: Finishing

    /// An item that is still in its place when its sender was woken met a close.
    /// - Returns: False when the deadline passed first.
    @inlinable
    func finishSend(_ outcome: WaitOutcome, isTaken: Bool) throws -> Bool {
        guard try outcome.wasWoken() else { return false }
        if !isTaken { throw ChannelError.closed }
        return true
    }

    /// A place that is empty when its receiver was woken met a close.
    @inlinable
    func finishReceive(_ outcome: WaitOutcome, isEmpty: Bool) throws {
        guard try outcome.wasWoken() else { throw TimedOut("receive from \(self)") }
        if isEmpty { throw ChannelError.closed }
    }

    /// The item in `place`, which holds one. It was sent in, so nobody else has it.
    @inlinable
    @unsafe
    func unsafelyTaken(_ place: inout Element?) -> sending Element {
        nonisolated(unsafe) let item = unsafe place.take().unsafelyUnwrapped
        return unsafe item
    }
}
