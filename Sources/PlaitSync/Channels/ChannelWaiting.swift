public import PlaitParking
public import PlaitPlatform

/// The result of one attempt at a channel.
@usableFromInline
enum ChannelAttempt {
    /// The item was moved. If that ended a counterpart's wait, the caller unparks it after
    /// unlocking.
    case done(unparking: Waiter?)
    case mustWait
    case closed
}

// How a Channel moves items between its state and the places of its waiters. The places work as
// those of a Queue do: see QueueWaiting.swift.
extension Channel {
    /// Sends the item in `place`, if that is possible now. Called under the lock.
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

    /// Moves the oldest item to `place`, if there is one. Called under the lock.
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

    /// Sends the item if possible. Returns false when the sender must wait.
    @inlinable
    func sendAtOnce(from place: inout Element?) throws(ChannelError) -> Bool {
        guardLock.lock()
        let attempt = unsafe withUnsafeMutablePointer(to: &place) { unsafe attemptSend($0) }
        return try finishAttempt(attempt)
    }

    /// Moves an item to `place` if possible. Returns false when the receiver must wait.
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

    /// Queues the waiter unless the attempt ends at once. Returns whether there is a wait.
    @inlinable
    func finishEnrolment(_ attempt: ChannelAttempt) -> Bool {
        guardLock.unlock()
        switch attempt {
        case .done(let counterpart):
            counterpart?.unpark()
            return false
        case .mustWait: return true
        // The place shows it: an item to send is still there, and an item to receive is not.
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

    /// Spins for a receiver. Returns whether one took the item before the calling task had to
    /// suspend.
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

    /// Spins for an item. Returns whether one came before the calling task had to suspend.
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

    /// Whether the task may spin: not if the limit could pass meanwhile, and not if the task is
    /// cancelled.
    @inlinable
    func maySpin(within limit: Duration?) -> Bool {
        if let limit, limit < .milliseconds(1) { return false }
        return !Task.isCancelled
    }

    // MARK: Finishing

    /// If the item is still in its place when the sender wakes, the channel was closed.
    /// - Returns: False when the deadline passed first.
    @inlinable
    func finishSend(_ outcome: WaitOutcome, isTaken: Bool) throws -> Bool {
        guard try outcome.wasWoken() else { return false }
        if !isTaken { throw ChannelError.closed }
        return true
    }

    /// If the place is empty when the receiver wakes, the channel was closed.
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
