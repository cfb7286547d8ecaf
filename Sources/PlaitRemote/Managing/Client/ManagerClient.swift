internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// The connection of a process to a manager. All strands and tasks of the process share it.
///
/// The path of a call: `call` (ClientCalls) encodes it and adds it to the output (`enqueue`).
/// `flush` (ClientSending) sends the output. `reply(to:)` (ClientReceiving) receives for all, or
/// waits until another has received; ``ClientState`` decides which. `result(of:)` decodes the
/// reply.
@safe
final class ManagerClient: @unchecked Sendable {
    // Sendable: `state` has a lock; only the receiver named by `state` uses `incoming`; `identity`
    // is set before others have the client; the rest is constant.
    typealias Reply = Result<[UInt8], any Error>
    typealias State = ClientState<WaitQueue, Reply, @Sendable (Reply) -> Void>

    private(set) var identity: ManagerIdentity
    /// The manager's address, and the key for it.
    let address: SocketAddress
    let key: [UInt8]?
    let descriptor: PolledDescriptor
    let incoming = FrameBuffer()
    let state = Guarded(Shared())
    /// Set when the thread may have to receive.
    let threadIsWanted = Event()
    /// The manager's process, if this process started it. It ends when nobody in this process
    /// refers to it any more.
    let process: ProcessHandle<Nothing>?
    /// The places of futures under way.
    let places = CountingSemaphore(permits: 65_536)
    /// Differs in a forked child, which shares the socket with its parent and must not use it.
    private let generation = ForkedChild.generation

    /// The data that the lock guards.
    struct Shared {
        var calls = State()
        var output = ClientOutput()
        var hasThread = false
    }

    init(
        _ identity: ManagerIdentity, _ descriptor: PolledDescriptor, address: SocketAddress,
        key: [UInt8]?, process: ProcessHandle<Nothing>?
    ) {
        self.identity = identity
        self.descriptor = descriptor
        self.address = address
        self.key = key
        self.process = process
    }

    deinit {
        threadIsWanted.set()
        if let process, isOurs, process.isAlive { process.terminate() }
    }

    /// Asks the manager for its identity, before others have the client.
    func identify(until deadline: Deadline) throws {
        identity = try call(
            ManagerRoot.Identify(), on: ManagerRoot.number, within: deadline.remaining)
    }

    var context: CodingContext { CodingContext(.managerClient, self) }

    var isUsable: Bool { state.withLock { $0.calls.ending == nil } }

    var isOurs: Bool { generation == ForkedChild.generation }

    /// Performs the effects of a change of the state, except calling takers. Returns closures that
    /// do that, for a moment when the caller does not receive.
    func perform(_ effects: State.Effects) -> [() -> Void] {
        for waiter in effects.woken { waiter.unpark() }
        if effects.wakesThread { wakeThread() }
        return effects.taken.map { taken in { taken.taker(taken.reply) } }
    }

    // MARK: Holds

    func release(_ object: UInt64) { post(RequestHead(kind: .release, object: object)) }

    func releaseLater(_ object: UInt64) {
        post(RequestHead(kind: .releaseLater, object: object))
    }

    /// - Parameter ticket: The ticket of the loan; 0 if nothing was lent.
    func claim(_ object: UInt64, _ ticket: UInt64) {
        post(RequestHead(kind: .claim, object: object), [UInt8](ticket: ticket))
    }

    /// The reference by which another process finds the object.
    /// - Parameter loans: The loans of the encoding. Nil if the destination of the bytes is
    ///   unknown; the reference then keeps the object for a second.
    func lend(_ object: UInt64, in loans: Loans?) throws -> ForeignReference {
        guard isOurs else { throw ManagerError.forked }
        var ticket: UInt64 = 0
        if let loans, loans.isWatched {
            claim(object, 0)
            loans.keep(CarriedReference(self, object))
        } else {
            ticket = UInt64.random(in: 1 ... .max)
            let seconds: UInt32 = loans == nil ? 1 : 0
            post(
                RequestHead(kind: .lend, number: seconds, object: object), [UInt8](ticket: ticket))
        }
        // Over a network, do not send the key with each value.
        return ForeignReference(
            manager: identity, address: address, key: address.family == .unix ? key : nil,
            object: object, ticket: ticket)
    }
}
