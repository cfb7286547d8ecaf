internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// A process's connection to a manager, which all its strands and tasks share.
///
/// A call's path, downward: `call` (ClientCalls) encodes it and adds it to what is sent
/// (`enqueue`); `flush` (ClientSending) sends that; `reply(to:)` (ClientReceiving) receives for
/// all, or waits until another has; ``ClientState`` says which; `result(of:)` decodes.
@safe
final class ManagerClient: @unchecked Sendable {
    // Sendable: `state` has a lock; `incoming` is used by the receiver that it names; `identity` is
    // set before others have the client; the rest is constant.
    typealias Reply = Result<[UInt8], any Error>
    typealias State = ClientState<WaitQueue, Reply, @Sendable (Reply) -> Void>

    private(set) var identity: ManagerIdentity
    /// Where it was reached, and by which key.
    let address: SocketAddress
    let key: [UInt8]?
    let descriptor: PolledDescriptor
    let incoming = FrameBuffer()
    let state = Guarded(Shared())
    /// Set when the thread may have to receive.
    let threadIsWanted = Event()
    /// The manager's process, if this one started it: it ends with the last that refers to it here.
    let process: ProcessHandle<Nothing>?
    /// Futures under way.
    let places = CountingSemaphore(permits: 65_536)
    /// In a forked child another: it shares the socket with its parent.
    private let generation = ForkedChild.generation

    /// What the lock guards.
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

    /// Asks the manager who it is; before others have the client.
    func identify(until deadline: Deadline) throws {
        identity = try call(
            ManagerRoot.Identify(), on: ManagerRoot.number, within: deadline.remaining)
    }

    var context: CodingContext { CodingContext(.managerClient, self) }

    var isUsable: Bool { state.withLock { $0.calls.ending == nil } }

    var isOurs: Bool { generation == ForkedChild.generation }

    /// Does what a change of the state has brought about, but for calling takers: the caller
    /// returns those to whoever does not receive.
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

    /// - Parameter ticket: 0 where nothing was lent.
    func claim(_ object: UInt64, _ ticket: UInt64) {
        post(RequestHead(kind: .claim, object: object), [UInt8](ticket: ticket))
    }

    /// What another process needs to find the object.
    /// - Parameter loans: Of the encoding. Nil where the bytes go nobody knows where: they keep it
    ///   for a second.
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
        // Over a network, the key is not to be sent with each value.
        return ForeignReference(
            manager: identity, address: address, key: address.family == .unix ? key : nil,
            object: object, ticket: ticket)
    }
}
