internal import PlaitParking
package import PlaitPlatform

/// A descriptor that a loop watches, with its waiters. Belongs to the loop's thread.
///
/// With edge triggering, it remembers that the descriptor may be ready until a call says that it is
/// not, so that no call is made that would only return EAGAIN. With level triggering (`poll`), it
/// watches only while somebody waits.
@safe
package final class Registration: @unchecked Sendable {
    // Sendable: used on the loop's thread only. Run-time checks of exclusivity are off for the
    // fields that every read and write touches: no access to them calls foreign code.
    package let descriptor: Int32
    let token: UInt64
    package let loop: Loop
    @exclusivity(unchecked) private var readers = WaitQueue()
    @exclusivity(unchecked) private var writers = WaitQueue()
    /// What the selector watches for.
    @exclusivity(unchecked) private var watched: Readiness
    /// What the descriptor may be ready for. At first it may be ready for everything.
    @exclusivity(unchecked) private var ready: Readiness = [.readable, .writable]
    package private(set) var isClosed = false
    /// If set, the loop calls it whenever the descriptor is ready, instead of waking waiters.
    package var callback: ((Readiness) -> Void)?

    init(descriptor: Int32, token: UInt64, loop: Loop) {
        self.descriptor = descriptor
        self.token = token
        self.loop = loop
        unsafe watched = loop.usesEdge ? .readable : []
    }

    /// Whether a call may succeed; false when it would only return EAGAIN.
    package func mayBe(_ interest: Readiness) -> Bool { unsafe ready.contains(interest) }

    /// A read has taken all there was. After a hang-up a read still has the end to report.
    package func isDrained() {
        if unsafe !ready.contains(.hangup) { unsafe ready.remove(.readable) }
    }

    /// A write has filled the buffer.
    package func isFilled() { unsafe ready.remove(.writable) }

    func deliver(_ readiness: Readiness) {
        unsafe ready.formUnion(readiness)
        if let callback {
            loop.around { callback(readiness) }
            return
        }
        var claimed = ClaimedWaiters()
        if readiness.contains(.readable) {
            while let waiter = unsafe readers.claimFirst() { claimed.append(waiter) }
        }
        if readiness.contains(.writable) {
            while let waiter = unsafe writers.claimFirst() { claimed.append(waiter) }
        }
        claimed.unparkAll()
        if !loop.usesEdge { try? watchNeeded() }
    }

    func close() {
        isClosed = true
        unsafe ready = [.readable, .writable, .hangup]
        var claimed = unsafe readers.claimAll()
        while let waiter = unsafe writers.claimFirst() { claimed.append(waiter) }
        claimed.unparkAll()
    }

    /// Waits until the descriptor may be ready for `interest`. A strand of the loop's thread calls
    /// it.
    ///
    /// - Returns: False when `deadline` passed first.
    /// - Throws: `CancellationError`, and `SystemError` when the selector refuses.
    package func wait(for interest: Readiness, until deadline: Deadline) throws -> Bool {
        if unsafe !ready.isDisjoint(with: interest) { return true }
        var refusal: SystemError?
        let outcome = Parking.block(
            on: WaitTarget(
                interest.contains(.readable) ? "descriptor.read" : "descriptor.write", self,
                isOfLoop: true),
            until: deadline,
            enrol: { waiter in
                if interest.contains(.readable) {
                    unsafe readers.append(waiter)
                } else {
                    unsafe writers.append(waiter)
                }
                do throws(SystemError) {
                    try watchNeeded()
                    return true
                } catch {
                    withdraw(waiter, interest)
                    refusal = error
                    return false
                }
            }, withdraw: { withdraw($0, interest) })
        if let refusal { throw refusal }
        return try outcome.wasWoken()
    }

    private func withdraw(_ waiter: Waiter, _ interest: Readiness) {
        if interest.contains(.readable) {
            unsafe readers.remove(waiter)
        } else {
            unsafe writers.remove(waiter)
        }
        if !loop.usesEdge && !isClosed { try? watchNeeded() }
    }

    /// Tells the selector what the waiters need, unless it watches for that already.
    private func watchNeeded() throws(SystemError) {
        var needed: Readiness = []
        if unsafe !readers.isEmpty || callback != nil { needed.insert(.readable) }
        if unsafe !writers.isEmpty { needed.insert(.writable) }
        // With edge triggering, watching for more than the waiters need costs nothing, so it goes
        // on.
        if loop.usesEdge { unsafe needed.formUnion(watched) }
        guard unsafe needed != watched else { return }
        try loop.watch(self, needed)
        unsafe watched = needed
    }

    /// Calls `body` on the loop whenever the descriptor becomes readable.
    package func onReadable(_ body: @escaping (Readiness) -> Void) throws(SystemError) {
        callback = body
        try watchNeeded()
    }
}
