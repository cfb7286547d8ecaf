internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// A process's connection to a manager, which all its strands and tasks share.
///
/// Requests have numbers. A strand that waits for its reply receives for all, if nobody else does,
/// and hands others theirs; when it has its own, the next one receives. Where only tasks and futures
/// wait, a thread does it.
@safe
final class ManagerClient: @unchecked Sendable {
    // Sendable: `guardLock` guards the variables; `incoming` is used by who receives, which
    // `receiver` says.
    /// Set before others have the client.
    private(set) var identity: ManagerIdentity
    /// Where it was reached, and by which key.
    let address: SocketAddress
    let key: [UInt8]?
    let descriptor: PolledDescriptor
    let incoming = FrameBuffer()
    let guardLock = ShortLock()
    var pending: [UInt32: PendingCall] = [:]
    /// Calls whose strands sleep while somebody else receives.
    var followers: [UInt32: PendingCall] = [:]
    /// How many replies the thread is to receive if nobody else does.
    var serviced = 0
    enum Receiver { case none, strand, thread }
    var receiver = Receiver.none
    var hasThread = false
    /// Set when the thread may have to receive.
    let threadIsWanted = Event()
    private var out: [UInt8] = []
    /// Whether the thread receives and does not sleep: it sends what futures ask for before it does.
    var threadIsAwake = false
    private var isSending = false
    private var types: [ObjectIdentifier: UInt32] = [:]
    private var lastNumber: UInt32 = 0
    /// Why it does no more.
    var failure: (any Error)?
    /// The manager's process, if this one started it: it ends with the last that refers to it here.
    let process: ProcessHandle<Nothing>?
    /// Futures under way.
    let places = CountingSemaphore(permits: 65_536)
    /// In a forked child another: it shares the socket with its parent.
    private let generation = ForkedChild.generation

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

    var isUsable: Bool { guardLock.withLock { failure == nil } }

    private var isOurs: Bool { generation == ForkedChild.generation }

    // MARK: Sending

    /// Adds a call to what is to be sent.
    func enqueue<Call: ManagedCall>(
        _ call: Call, on object: UInt64, isServiced: Bool,
        take: (@Sendable (PendingCall.Reply) -> Void)? = nil
    ) throws -> PendingCall {
        guard isOurs else { throw ManagerError.forked }
        let body = try MessagePackEncoder().encode(call, in: context)
        guard body.count <= RequestHead.longest - RequestHead.size else {
            throw ManagerError.tooLong(body.count)
        }
        let type = try number(of: Call.self)
        let strand = StrandKey.current.bits
        return try guardLock.withLock {
            if let failure { throw failure }
            repeat { lastNumber &+= 1 } while pending[lastNumber] != nil
            let number = lastNumber
            let new = PendingCall(number, isServiced: isServiced, take: take)
            pending[number] = new
            if isServiced { serviced += 1 }
            out.append(
                request: RequestHead(
                    kind: .call, number: number, type: type, object: object, strand: strand), body)
            return new
        }
    }

    /// The number that stands for a call's type, which is told with the first call.
    private func number<Call: ManagedCall>(of type: Call.Type) throws -> UInt32 {
        let key = ObjectIdentifier(type)
        if let number = guardLock.withLock({ types[key] }) { return number }
        guard let name = TypeName(type) else { throw ManagerError.unreachable("\(type)") }
        let bytes = try MessagePackEncoder().encode(name)
        return guardLock.withLock {
            if let number = types[key] { return number }
            let number = UInt32(types.count + 1)
            types[key] = number
            out.append(request: RequestHead(kind: .define, type: number), bytes)
            return number
        }
    }

    private func post(_ head: RequestHead, _ body: [UInt8] = []) {
        guard isOurs else { return }
        let isWanted = guardLock.withLock {
            if failure == nil { out.append(request: head, body) }
            return failure == nil
        }
        if isWanted { flush() }
    }

    /// As ``flush()``, leaving it to the thread while that is awake and there is little.
    func flushByThread() {
        let isLeft = guardLock.withLock { threadIsAwake && out.count < 16_384 }
        if !isLeft { flush() }
    }

    /// Has the thread sleep, unless there is something to be sent that nobody sends.
    func threadMaySleep() -> Bool {
        guardLock.withLock {
            threadIsAwake = !out.isEmpty && !isSending
            return !threadIsAwake
        }
    }

    /// Sends what there is, unless somebody does. Does not wait: what the socket does not take is left to a
    /// thread.
    func flush() {
        guardLock.lock()
        if isSending { return guardLock.unlock() }
        isSending = true
        while !out.isEmpty {
            let bytes = out
            out = []
            guardLock.unlock()
            let sent = sendAtOnce(bytes, from: 0)
            if sent < bytes.count { return sendOnThread(bytes, from: sent) }
            guardLock.lock()
        }
        isSending = false
        guardLock.unlock()
    }

    /// How many bytes are sent then. A socket that fails takes all: who receives finds that it has.
    private func sendAtOnce(_ bytes: [UInt8], from start: Int) -> Int {
        var sent = start
        while sent < bytes.count {
            let from = sent
            let attempt = try? descriptor.withNumber { number in
                unsafe bytes.withUnsafeBytes {
                    unsafe Sockets.send(number, UnsafeRawBufferPointer(rebasing: $0[from...]))
                }
            }
            switch attempt {
            case .done(let count): sent += count
            case .wouldBlock: return sent
            case .failed, nil: return bytes.count
            }
        }
        return sent
    }

    /// Goes on sending while `isSending`.
    private func sendOnThread(_ first: [UInt8], from start: Int) {
        spawn(.thread, name: "plait-manager-send", isDaemon: true) {
            var (bytes, sent) = (first, start)
            while !bytes.isEmpty {
                sent = self.sendAtOnce(bytes, from: sent)
                if sent < bytes.count {
                    guard (try? self.descriptor.wait(for: .writable, until: .never)) == true else {
                        break
                    }
                    continue
                }
                sent = 0
                bytes = self.guardLock.withLock {
                    let next = self.out
                    self.out = []
                    if next.isEmpty { self.isSending = false }
                    return next
                }
            }
        }
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
    /// - Parameter loans: Of the encoding. Nil where the bytes go nobody knows where: they keep it for a second.
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

    /// Has the manager give up a call that waits.
    func cancel(_ call: PendingCall) {
        post(RequestHead(kind: .cancel, number: call.number))
    }

    // MARK: The end

    /// No reply comes any more. Returns as ``settle(_:)``.
    func fail() -> [() -> Void] {
        if guardLock.withLock({ failure != nil }) { return [] }
        let error = ManagerDied(
            name: identity.name, pid: identity.pid, crash: process.flatMap { Manager.crash(of: $0) }
        )
        guardLock.lock()
        if failure == nil { failure = error }
        let lost = Array(pending.values)
        guardLock.unlock()
        threadIsWanted.set()
        return settle(lost.map { ($0, .failure(error)) })
    }

    /// Hands replies to those who wait for them.
    /// - Returns: What else is to be done with them, by who does not receive just then: it may be code of
    ///   the user's, which may call.
    func settle(_ replies: [(PendingCall, PendingCall.Reply)]) -> [() -> Void] {
        var claimed = ClaimedWaiters()
        var taken: [() -> Void] = []
        guardLock.lock()
        for (call, reply) in replies {
            pending[call.number] = nil
            followers[call.number] = nil
            if call.isServiced { serviced -= 1 }
            call.reply = reply
            if let take = call.take { taken.append { take(reply) } }
            if let waiter = call.waiters.claimFirst() { claimed.append(waiter) }
        }
        guardLock.unlock()
        claimed.unparkAll()
        return taken
    }
}
