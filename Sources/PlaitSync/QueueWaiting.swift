public import PlaitParking
public import PlaitPlatform

// How a Queue moves items between its state and the places of those who wait. A place is an
// `Element?` in the waiting frame (or, for a task, in an ItemPlace), touched by others only under
// the queue's lock, between settling its wait and unparking it.
extension Queue {
    /// Whether the item was stored or handed over; false when the queue is full.
    @inlinable
    func putAtOnce(_ item: Element) throws(QueueError) -> Bool {
        guardLock.lock()
        switch unsafe state.put(item) {
        case .stored:
            guardLock.unlock()
            return true
        case .handTo(let getter):
            unsafe getter.place(of: Element.self).pointee = item
            guardLock.unlock()
            getter.unpark()
            return true
        case .full:
            guardLock.unlock()
            return false
        case .shutDown:
            guardLock.unlock()
            throw .shutDown
        }
    }

    /// Whether an item was moved to `place`; false when the queue is empty.
    @inlinable
    func getAtOnce(into place: inout Element?) throws(QueueError) -> Bool {
        guardLock.lock()
        switch unsafe state.get() {
        case .item(let item, let putter):
            place = item
            if let putter {
                refill(from: putter)
                guardLock.unlock()
                putter.unpark()
            } else {
                guardLock.unlock()
            }
            return true
        case .empty:
            guardLock.unlock()
            return false
        case .shutDown:
            guardLock.unlock()
            throw .shutDown
        }
    }

    /// Moves a waiting putter's item into the queue. Under the lock.
    @inlinable
    func refill(from putter: Waiter) {
        if let item = unsafe putter.place(of: Element.self).pointee.take() {
            unsafe state.refill(item)
        }
    }

    // MARK: Enrolling

    @inlinable
    func enrolPutter(_ waiter: Waiter) -> Bool {
        guardLock.lock()
        let place = unsafe waiter.place(of: Element.self)
        switch unsafe state.put(place.pointee.unsafelyUnwrapped) {
        case .stored:
            unsafe place.pointee = nil
            guardLock.unlock()
            return false
        case .handTo(let getter):
            unsafe getter.place(of: Element.self).pointee = place.pointee.take()
            guardLock.unlock()
            getter.unpark()
            return false
        case .full:
            unsafe state.putters.append(waiter)
            guardLock.unlock()
            return true
        case .shutDown:
            guardLock.unlock()
            return false
        }
    }

    @inlinable
    func enrolGetter(_ waiter: Waiter) -> Bool {
        guardLock.lock()
        switch unsafe state.get() {
        case .item(let item, let putter):
            unsafe waiter.place(of: Element.self).pointee = item
            if let putter { refill(from: putter) }
            guardLock.unlock()
            putter?.unpark()
            return false
        case .empty:
            unsafe state.getters.append(waiter)
            guardLock.unlock()
            return true
        case .shutDown:
            guardLock.unlock()
            return false
        }
    }

    @inlinable
    func withdrawPutter(_ waiter: Waiter) {
        _ = guardLock.withLock { unsafe state.putters.remove(waiter) }
    }

    @inlinable
    func withdrawGetter(_ waiter: Waiter) {
        _ = guardLock.withLock { unsafe state.getters.remove(waiter) }
    }

    // MARK: Finishing

    /// An item that is still in its place when its putter was woken met a shut down.
    @inlinable
    func finishPut(_ outcome: WaitOutcome, isTaken: Bool) throws {
        guard try outcome.wasWoken() else { throw QueueError.full }
        if !isTaken { throw QueueError.shutDown }
    }

    /// A place that is empty when its getter was woken met a shut down.
    @inlinable
    func finishGet(_ outcome: WaitOutcome, isEmpty: Bool) throws {
        guard try outcome.wasWoken() else { throw QueueError.empty }
        if isEmpty { throw QueueError.shutDown }
    }

    /// The item in `place`, which holds one. It was sent in, so nobody else has it.
    @inlinable
    @unsafe
    func unsafelyTaken(_ place: inout Element?) -> sending Element {
        nonisolated(unsafe) let item = unsafe place.take().unsafelyUnwrapped
        return unsafe item
    }
}

extension Waiter {
    /// The place that this waiter of a queue gave.
    @inlinable
    @unsafe
    func place<Element>(of type: Element.Type) -> UnsafeMutablePointer<Element?> {
        unsafe slot.unsafelyUnwrapped.assumingMemoryBound(to: Element?.self)
    }
}

/// A place for an item that outlives a suspension.
@safe
@usableFromInline
final class ItemPlace<Element>: @unchecked Sendable {
    // Sendable: guarded as every place is, see above.
    @usableFromInline let item: UnsafeMutablePointer<Element?>

    @inlinable
    init(_ initial: Element?) {
        unsafe item = .allocate(capacity: 1)
        unsafe item.initialize(to: initial)
    }

    @inlinable
    deinit {
        unsafe item.deinitialize(count: 1)
        unsafe item.deallocate()
    }

    @inlinable @unsafe var address: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(item) }

    @inlinable
    func take() -> Element? { unsafe item.pointee.take() }
}
