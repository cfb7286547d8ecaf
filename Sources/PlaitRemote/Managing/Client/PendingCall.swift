internal import PlaitParking

/// A call that was sent and has no reply yet.
final class PendingCall: @unchecked Sendable {
    // Sendable: the client's lock guards all of it; `reply` is constant once it is set.
    typealias Reply = Result<[UInt8], any Error>

    let number: UInt32
    var reply: Reply?
    /// The strand that waits for it.
    var waiters = WaitQueue()
    /// Whether somebody else than its strand is to receive its reply.
    var isServiced: Bool
    /// Gets the reply where no strand takes it.
    var take: (@Sendable (Reply) -> Void)?

    init(_ number: UInt32, isServiced: Bool, take: (@Sendable (Reply) -> Void)? = nil) {
        self.number = number
        self.isServiced = isServiced
        self.take = take
    }
}
