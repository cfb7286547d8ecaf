public import PlaitParking
public import PlaitPlatform

// How a queue moves items between its state and the places of its waiters. A place is an `Element?`
// in the waiting frame (or, for a task, in an ItemPlace). Others touch it only under the queue's
// lock, after the wait is settled and before the strand is unparked. If a waiter wakes and no item
// has moved, the storage has failed or the queue was shut down.
//
// Items are released outside the lock, since their `deinit` may use the queue. A stored item may be
// taken and released at once, so the strand that stored it retains it until it has unlocked.
extension BlockingQueue {
    // MARK: Without the lock

    @inlinable
    @inline(__always)
    func pushAtOnce(_ item: Element) -> Bool {
        guard let ring, let position = ring.beginPush() else { return false }
        unsafe ring.slot(position).pointee.item = item
        ring.endPush(position)
        return true
    }

    @inlinable
    @inline(__always)
    func popAtOnce(into place: inout Element?) -> Bool {
        guard let ring, let position = ring.beginPop() else { return false }
        place = unsafe ring.slot(position).pointee.item.take()
        ring.endPop(position)
        return true
    }

    /// Whether a try under the lock would most likely find no place, so that waiting is next.
    @inlinable var seemsFull: Bool { ring?.looksFull ?? false }

    /// Whether a try under the lock would most likely find nothing.
    @inlinable var seemsEmpty: Bool { ring?.looksEmpty ?? false }

    // MARK: Under the lock

    // Waiting getters need the ring's tail diverted, so that a pushed item goes to them first.
    // Waiting putters, an overflow and a shut-down need both ends diverted.

    /// Locks for a put. Others push nothing meanwhile, and a ring that looks full stays full.
    @inlinable
    @inline(__always)
    func lockForPut() {
        guardLock.lock()
        guard let ring else { return }
        ring.divertTail()
        if ring.count >= ring.limit { ring.divertHead() }
    }

    /// Locks for a get. Others push nothing meanwhile, and the items that are there stay.
    @inlinable
    @inline(__always)
    func lockForGet() {
        guardLock.lock()
        guard let ring else { return }
        ring.divertTail()
        if !ring.looksEmpty { ring.divertHead() }
    }

    /// Locks, and diverts both ends so that no item bypasses the lock.
    @inlinable
    func lockDiverted() {
        guardLock.lock()
        ring?.divertTail()
        ring?.divertHead()
    }

    /// Unlocks. If nobody waits and the ring holds all items, the ring serves without the lock
    /// again.
    @inlinable
    func unlock() {
        if let ring, ring.isTailDiverted, unsafe state.isQuiet,
            unsafe state.storage.count <= ring.slotCount
        {
            ring.restore()
        }
        guardLock.unlock()
    }

    /// Unlocks after an item was handed over. The ring stays diverted, since the getter is likely
    /// to wait for the next item soon.
    @inlinable
    @inline(__always)
    func unlockAfterHandOver() { guardLock.unlock() }

    /// Stores or hands over the item. Returns false when the queue is full.
    @inlinable
    func putSlowly(_ item: Element) throws -> Bool {
        lockForPut()
        let put: QueueState<Storage, WaitQueue>.Put
        do {
            put = unsafe try state.put(item)
        } catch {
            unlock()
            throw error
        }
        switch put {
        case .stored:
            withExtendedLifetime(item) { unlockWakingPeekers() }
        case .handTo(let getter, let item):
            unsafe getter.place(of: Element.self).pointee = item
            unlockAfterHandOver()
            getter.unpark()
        case .refuse(let getter, let error):
            unlockRefusing(getter, error)
        case .full:
            unlock()
            return false
        case .shutDown:
            unlock()
            throw QueueError.shutDown
        }
        return true
    }

    /// Moves an item to `place`. Returns false when the queue is empty.
    @inlinable
    func getSlowly(into place: inout Element?) throws -> Bool {
        lockForGet()
        let get: QueueState<Storage, WaitQueue>.Get
        do {
            get = unsafe try state.get()
        } catch {
            unlock()
            throw error
        }
        switch get {
        case .item(let item):
            place = item
            let claimed = takeInPutters()
            unlock()
            claimed.unparkAll()
            return true
        case .empty:
            unlock()
            return false
        case .shutDown:
            unlock()
            throw QueueError.shutDown
        }
    }

    /// Moves waiting putters' items into the queue while there is room. Called under the lock.
    /// - Returns: The putters to wake: those whose items are in the queue, or were refused by the
    ///   storage.
    @inlinable
    func takeInPutters() -> ClaimedWaiters {
        var claimed = ClaimedWaiters()
        while let putter = unsafe state.claimPutter() {
            claimed.append(putter)
            let place = unsafe putter.place(of: Element.self)
            do {
                unsafe try state.refill(place.pointee.unsafelyUnwrapped)
                unsafe place.pointee = nil
            } catch {
                refuse(putter, error)
            }
        }
        return claimed
    }

    /// Unlocks after the storage failed to give a getter the item just put, and lets the other
    /// getters have it.
    @inlinable
    func unlockRefusing(_ getter: Waiter, _ error: any Error) {
        var claimed = ClaimedWaiters()
        claimed.append(getter)
        refuse(getter, error)
        search: while true {
            switch unsafe state.handOver() {
            case .handTo(let getter, let item):
                unsafe getter.place(of: Element.self).pointee = item
                claimed.append(getter)
                break search
            case .refuse(let getter, let error):
                refuse(getter, error)
                claimed.append(getter)
            default:
                // It stays.
                while let peeker = unsafe state.peekers.claimFirst() { claimed.append(peeker) }
                break search
            }
        }
        unlock()
        claimed.unparkAll()
    }

    /// Leaves the storage's error for a waiter whose wait has ended. Called under the lock.
    @usableFromInline
    func refuse(_ waiter: Waiter, _ error: any Error) {
        unsafe refusals[UInt(bitPattern: waiter.slot)] = error
    }

    @inlinable
    func unlockWakingPeekers() {
        if unsafe state.peekers.isEmpty {
            unlock()
        } else {
            let claimed = unsafe state.peekers.claimAll()
            unlock()
            claimed.unparkAll()
        }
    }

    // MARK: Enrolling

    /// - Parameter error: The error of the storage or of a shut-down, if there is one.
    @inlinable
    func enrolPutter(_ waiter: Waiter, _ error: inout (any Error)?) -> Bool {
        lockForPut()
        let place = unsafe waiter.place(of: Element.self)
        do {
            switch unsafe try state.put(place.pointee.unsafelyUnwrapped) {
            case .stored:
                unlockWakingPeekers()
                unsafe place.pointee = nil
                return false
            case .handTo(let getter, let item):
                unsafe getter.place(of: Element.self).pointee = item
                unlockAfterHandOver()
                getter.unpark()
                unsafe place.pointee = nil
                return false
            case .refuse(let getter, let error):
                unlockRefusing(getter, error)
                unsafe place.pointee = nil
                return false
            case .full:
                unsafe state.putters.append(waiter)
                unlock()
                return true
            case .shutDown:
                error = QueueError.shutDown
            }
        } catch let thrown {
            error = thrown
        }
        unlock()
        return false
    }

    @inlinable
    func enrolGetter(_ waiter: Waiter, _ error: inout (any Error)?) -> Bool {
        lockForGet()
        do {
            switch unsafe try state.get() {
            case .item(let item):
                unsafe waiter.place(of: Element.self).pointee = item
                let claimed = takeInPutters()
                unlock()
                claimed.unparkAll()
                return false
            case .empty:
                unsafe state.getters.append(waiter)
                unlock()
                return true
            case .shutDown:
                error = QueueError.shutDown
            }
        } catch let thrown {
            error = thrown
        }
        unlock()
        return false
    }

    @inlinable
    func withdrawPutter(_ waiter: Waiter) {
        guardLock.lock()
        unsafe state.putters.remove(waiter)
        unlock()
    }

    @inlinable
    func withdrawGetter(_ waiter: Waiter) {
        guardLock.lock()
        unsafe state.getters.remove(waiter)
        unlock()
    }

    // MARK: Waiting

    /// Waits until the item is taken; false when the deadline passed first.
    @available(*, noasync)
    @inlinable
    func waitToPut(_ item: Element, until deadline: Deadline) throws -> Bool {
        if spin(at: .tail, until: deadline) && pushAtOnce(item) { return true }
        var place: Element? = item
        return try unsafe withUnsafeMutablePointer(to: &place) { place in
            var error: (any Error)?
            let outcome = unsafe Parking.block(
                on: WaitTarget("Queue.put", self), slot: UnsafeMutableRawPointer(place),
                until: deadline, enrol: { self.enrolPutter($0, &error) },
                withdraw: { self.withdrawPutter($0) })
            if let error { throw error }
            return unsafe try place.pointee == nil || !wasLate(outcome, place)
        }
    }

    @inlinable
    func waitToPut(_ item: Element, until deadline: Deadline) async throws -> Bool {
        let place = ItemPlace<Element>(item)
        var error: (any Error)?
        let outcome = unsafe await Parking.suspend(
            on: WaitTarget("Queue.put", self), slot: place.address, until: deadline,
            enrol: { self.enrolPutter($0, &error) }, withdraw: { self.withdrawPutter($0) })
        if let error { throw error }
        return unsafe try place.isEmpty || !wasLate(outcome, place.address)
    }

    /// Waits until an item is in `place`.
    @available(*, noasync)
    @inlinable
    func waitToGet(into place: inout Element?, until deadline: Deadline) throws {
        if spin(at: .head, until: deadline) && popAtOnce(into: &place) { return }
        try unsafe withUnsafeMutablePointer(to: &place) { place in
            var error: (any Error)?
            let outcome = unsafe Parking.block(
                on: WaitTarget("Queue.get", self), slot: UnsafeMutableRawPointer(place),
                until: deadline, enrol: { self.enrolGetter($0, &error) },
                withdraw: { self.withdrawGetter($0) })
            if let error { throw error }
            if unsafe place.pointee == nil, unsafe try wasLate(outcome, place) { throw late }
        }
    }

    @inlinable
    func waitToGet(until deadline: Deadline) async throws -> Element? {
        let place = ItemPlace<Element>(nil)
        var error: (any Error)?
        let outcome = unsafe await Parking.suspend(
            on: WaitTarget("Queue.get", self), slot: place.address, until: deadline,
            enrol: { self.enrolGetter($0, &error) }, withdraw: { self.withdrawGetter($0) })
        if let error { throw error }
        if place.isEmpty, unsafe try wasLate(outcome, place.address) { throw late }
        return place.take()
    }

    /// Why a wait moved nothing: true when its deadline passed, else throws the reason.
    @usableFromInline
    func wasLate(_ outcome: WaitOutcome, _ place: UnsafeMutableRawPointer) throws -> Bool {
        guard try outcome.wasWoken() else { return true }
        throw guardLock.withLock { unsafe refusals.removeValue(forKey: UInt(bitPattern: place)) }
            ?? QueueError.shutDown
    }

    @usableFromInline var late: TimedOut { TimedOut("get from \(self)") }

    /// Lets a thread wait shortly for a partner on another core, for much less time than waking a
    /// thread takes. A fiber does not spin, since its partner may be on its own thread, which
    /// spinning would delay.
    /// - Returns: Whether a try is worth it.
    @inlinable
    func spin(at end: RingEnd, until deadline: Deadline) -> Bool {
        // A caller that tries once does not wait.
        guard let ring, deadline != .immediate else { return false }
        let isReady = SpinPolicy.queue.spin(until: { ring.looksReady(at: end) })
        if isReady { ring.letMoreCome(at: end) }
        return isReady
    }

    /// The item in `place`, which holds one. It was sent in, so nobody else has it.
    @inlinable
    @unsafe
    func unsafelyTaken(_ place: inout Element?) -> sending Element {
        nonisolated(unsafe) let item = unsafe place.take().unsafelyUnwrapped
        return unsafe item
    }
}
