internal import PlaitParking

/// The pure state of a ``ManagerClient``: its calls, and which strand receives for all of them.
///
/// There is one receiver at a time: a strand that waits for its own reply, or else the client's
/// thread, while there are replies that no strand can receive. After receiving, the receiver calls
/// ``stopReceiving()``, which names the next one.
struct ClientState<Waiters: WaiterList, Reply, Taker> {
    /// What the caller must do after unlocking.
    struct Effects {
        /// The waiters to unpark.
        var woken: [Waiters.Element] = []
        /// Takers to call, but not while receiving: they may be user code, which may make calls.
        var taken: [(taker: Taker, reply: Reply)] = []
        /// Whether the client's thread must check if it receives.
        var wakesThread = false
    }

    enum Look {
        /// The call is over.
        case reply(Reply)
        /// The caller receives from now on, for all.
        case receive
        case wait
    }

    enum Receiver { case nobody, strand, thread }

    /// The owner of a call, which gets its reply.
    enum Owner {
        /// A strand. It receives while nobody else does.
        case strand
        /// A task or a cancelled strand, neither of which can receive.
        case waiting
        case taker(Taker)
    }

    private struct Call {
        var owner: Owner
        var reply: Reply?
        var waiters = Waiters()
    }

    private var calls: [UInt32: Call] = [:]
    /// Calls whose strands wait while somebody else receives.
    private var followers: Set<UInt32> = []
    /// How many calls without a reply have owners that cannot receive. The thread receives for
    /// them.
    private(set) var served = 0
    private(set) var receiver = Receiver.nobody
    /// The reply that every call gets once the connection has ended.
    private(set) var ending: Reply?
    private var lastNumber: UInt32 = 0

    /// How many calls are without their replies.
    var count: Int { calls.count }

    // MARK: Callers

    /// Adds a call and returns its number. Not called after the end.
    mutating func add(_ owner: Owner) -> UInt32 {
        repeat { lastNumber &+= 1 } while calls[lastNumber] != nil
        calls[lastNumber] = Call(owner: owner)
        if !owner.receives { served += 1 }
        return lastNumber
    }

    /// What the owner of the call, a strand or task, does next.
    mutating func look(_ number: UInt32) -> Look {
        guard let call = calls[number] else { preconditionFailure("a call got two replies") }
        if let reply = call.reply {
            calls[number] = nil
            return .reply(reply)
        }
        guard call.owner.receives && receiver == .nobody else { return .wait }
        receiver = .strand
        return .receive
    }

    func hasReply(_ number: UInt32) -> Bool { calls[number]?.reply != nil }

    /// Queues the owner. Returns false when there is something else to do, so that the owner must
    /// look again.
    mutating func queue(_ waiter: Waiters.Element, for number: UInt32) -> Bool {
        guard let call = calls[number], call.reply == nil else { return false }
        if call.owner.receives {
            if receiver == .nobody { return false }
            followers.insert(number)
        }
        calls[number]?.waiters.append(waiter)
        return true
    }

    /// Takes out an owner that does not wait any more.
    mutating func withdraw(_ waiter: Waiters.Element, from number: UInt32) {
        calls[number]?.waiters.remove(waiter)
        followers.remove(number)
    }

    /// Gives a call another owner; the caller has withdrawn.
    /// - Returns: Nil if the call is over and belonged to a taker.
    mutating func hand(_ number: UInt32, to owner: Owner) -> Effects? {
        guard let call = calls[number] else { return nil }
        var effects = Effects()
        if let reply = call.reply {
            if case .taker(let taker) = owner {
                calls[number] = nil
                effects.taken = [(taker, reply)]
            }
            return effects
        }
        calls[number]?.owner = owner
        served += (owner.receives ? 0 : 1) - (call.owner.receives ? 0 : 1)
        effects.wakesThread = !owner.receives
        return effects
    }

    // MARK: Receiving

    /// Makes the thread the receiver, if there is need. Returns whether it receives from now on.
    mutating func beginOnThread() -> Bool {
        guard served > 0 && receiver == .nobody && ending == nil else { return false }
        receiver = .thread
        return true
    }

    /// Hands out replies that have come.
    mutating func settle(_ replies: [(number: UInt32, reply: Reply)]) -> Effects {
        var effects = Effects()
        for (number, reply) in replies { settle(number, reply, &effects) }
        return effects
    }

    private mutating func settle(_ number: UInt32, _ reply: Reply, _ effects: inout Effects) {
        // An honest manager answers each call once. Nobody waits for any other reply.
        guard let call = calls[number], call.reply == nil else { return }
        if !call.owner.receives { served -= 1 }
        if case .taker(let taker) = call.owner {
            calls[number] = nil
            effects.taken.append((taker, reply))
            return
        }
        // The owner only collects the reply now.
        calls[number]?.owner = .strand
        calls[number]?.reply = reply
        followers.remove(number)
        if let waiter = calls[number]?.waiters.claimFirst() { effects.woken.append(waiter) }
    }

    /// The receiver stops and lets another receive.
    mutating func stopReceiving() -> Effects {
        receiver = .nobody
        var effects = Effects()
        while let number = followers.popFirst() {
            if let waiter = calls[number]?.waiters.claimFirst() {
                effects.woken.append(waiter)
                return effects
            }
        }
        effects.wakesThread = served > 0 && ending == nil
        return effects
    }

    /// The connection has ended: every call gets this reply.
    mutating func end(with reply: Reply) -> Effects {
        guard ending == nil else { return Effects() }
        ending = reply
        return settle(calls.keys.map { ($0, reply) })
    }
}

extension ClientState.Owner {
    /// Whether the owner can receive for all.
    fileprivate var receives: Bool {
        if case .strand = self { true } else { false }
    }
}

/// The pure state of a ``ManagerClient``'s output. One strand or thread at a time sends for all.
struct ClientOutput {
    private(set) var bytes: [UInt8] = []
    private var isSending = false
    /// Whether the thread receives and is awake. It sends the output before it sleeps.
    private(set) var threadIsAwake = false
    /// The numbers that stand for types of calls. The manager learns each before its first call.
    private var types: [ObjectIdentifier: UInt32] = [:]

    func number(of type: ObjectIdentifier) -> UInt32? { types[type] }

    mutating func define(_ type: ObjectIdentifier, _ name: [UInt8]) -> UInt32 {
        if let number = types[type] { return number }
        let number = UInt32(types.count + 1)
        types[type] = number
        add(RequestHead(kind: .define, type: number), name)
        return number
    }

    mutating func add(_ head: RequestHead, _ body: [UInt8]) { bytes.append(request: head, body) }

    /// Makes the caller the sender and returns the first bytes. The caller sends until ``next()``
    /// returns nil. Returns nil if another is sending or there is nothing to send.
    mutating func begin() -> [UInt8]? {
        guard !isSending && !bytes.isEmpty else { return nil }
        isSending = true
        return take()
    }

    /// The next bytes for the sender; nil if it sends no more.
    mutating func next() -> [UInt8]? {
        guard !bytes.isEmpty else {
            isSending = false
            return nil
        }
        return take()
    }

    private mutating func take() -> [UInt8] {
        defer { bytes = [] }
        return bytes
    }

    // MARK: The thread

    /// Whether there is little output, which the thread sends before it sleeps.
    var isLeftToThread: Bool { threadIsAwake && bytes.count < 16_384 }
    /// Whether the thread dozes, which means that it soon looks for output again.
    private(set) var threadDozes = false
    /// As ``isLeftToThread``, for calls for which nobody waits yet. Enough of them are sent
    /// together to make that worthwhile.
    var isLeftToDozingThread: Bool { isLeftToThread || threadDozes && bytes.count < 4_096 }

    mutating func noteThread(isAwake: Bool, dozes: Bool = false) {
        threadIsAwake = isAwake
        threadDozes = dozes
    }

    /// Lets the thread sleep. Returns false if it must send output first.
    /// - Parameter dozes: Whether the thread looks again soon.
    mutating func threadMaySleep(dozes: Bool) -> Bool {
        threadIsAwake = !bytes.isEmpty && !isSending
        threadDozes = !threadIsAwake && dozes
        return !threadIsAwake
    }
}
