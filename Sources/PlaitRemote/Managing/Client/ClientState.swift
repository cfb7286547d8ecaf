internal import PlaitParking

/// The pure state of a ``ManagerClient``: its calls, which of its strands receives for all, and
/// what is to be sent.
///
/// One receives at a time: a strand that waits for its own reply, else the client's thread, while
/// there are replies that no strand can receive. Whoever has received calls ``stopReceiving()``,
/// which names the next.
struct ClientState<Waiters: WaiterList, Reply, Taker> {
    /// What the caller does after unlocking.
    struct Effects {
        /// To be unparked.
        var woken: [Waiters.Element] = []
        /// To be called by whoever does not receive just then: it may be code of the user's, which
        /// may call.
        var taken: [(taker: Taker, reply: Reply)] = []
        /// The client's thread is to look whether it receives.
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

    /// What gets a call's reply.
    enum Owner {
        /// A strand, which receives while nobody else does.
        case strand
        /// A task, or a strand that is cancelled: neither can receive.
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
    /// Calls without a reply whose owners cannot receive: the thread does it for them.
    private(set) var served = 0
    private(set) var receiver = Receiver.nobody
    /// What every call gets since the connection has ended.
    private(set) var ending: Reply?
    private var lastNumber: UInt32 = 0

    /// Calls that have not got their replies.
    var count: Int { calls.count }

    // MARK: Callers

    /// A new call's number. Not after the end.
    mutating func add(_ owner: Owner) -> UInt32 {
        repeat { lastNumber &+= 1 } while calls[lastNumber] != nil
        calls[lastNumber] = Call(owner: owner)
        if !owner.receives { served += 1 }
        return lastNumber
    }

    /// What the call's owner does next, which is a strand or task.
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

    /// Queues the owner. False when there is something else to do meanwhile: look again.
    mutating func queue(_ waiter: Waiters.Element, for number: UInt32) -> Bool {
        guard let call = calls[number], call.reply == nil else { return false }
        if call.owner.receives {
            if receiver == .nobody { return false }
            followers.insert(number)
        }
        calls[number]?.waiters.append(waiter)
        return true
    }

    /// The owner does not wait any more.
    mutating func withdraw(_ waiter: Waiters.Element, from number: UInt32) {
        calls[number]?.waiters.remove(waiter)
        followers.remove(number)
    }

    /// Gives a call another owner; the caller has withdrawn.
    /// - Returns: Nil for a call that is over, which was a taker's.
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

    /// Whether the thread receives from now on.
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
        // The other side answers what was asked, once; if it does not, nobody is there for it.
        guard let call = calls[number], call.reply == nil else { return }
        if !call.owner.receives { served -= 1 }
        if case .taker(let taker) = call.owner {
            calls[number] = nil
            effects.taken.append((taker, reply))
            return
        }
        // It only collects it.
        calls[number]?.owner = .strand
        calls[number]?.reply = reply
        followers.remove(number)
        if let waiter = calls[number]?.waiters.claimFirst() { effects.woken.append(waiter) }
    }

    /// The receiver stops, and lets another receive.
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
    /// Whether the owner receives for all where nobody else does.
    fileprivate var receives: Bool {
        if case .strand = self { true } else { false }
    }
}

/// The pure state of what a ``ManagerClient`` sends: one sends at a time, for all.
struct ClientOutput {
    private(set) var bytes: [UInt8] = []
    private var isSending = false
    /// Whether the thread receives and does not sleep: it sends before it does.
    private(set) var threadIsAwake = false
    /// The numbers that stand for types of calls; each is told before its first call.
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

    /// What the caller sends from now on, until ``next()`` says that there is no more; nil if
    /// another sends, or there is nothing.
    mutating func begin() -> [UInt8]? {
        guard !isSending && !bytes.isEmpty else { return nil }
        isSending = true
        return take()
    }

    /// What the one that sends does next; nil: it sends no more.
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

    /// Whether little is to be sent, and the thread does it before it sleeps.
    var isLeftToThread: Bool { threadIsAwake && bytes.count < 16_384 }
    /// The thread dozes: it looks again soon whether there is something to be sent.
    private(set) var threadDozes = false
    /// As ``isLeftToThread``, of calls that nobody waits for yet: enough are sent together to be
    /// worth it.
    var isLeftToDozingThread: Bool { isLeftToThread || threadDozes && bytes.count < 4_096 }

    mutating func noteThread(isAwake: Bool, dozes: Bool = false) {
        threadIsAwake = isAwake
        threadDozes = dozes
    }

    /// Whether nothing is left for the thread to send: it sleeps then.
    /// - Parameter dozes: Whether it looks again soon.
    mutating func threadMaySleep(dozes: Bool) -> Bool {
        threadIsAwake = !bytes.isEmpty && !isSending
        threadDozes = !threadIsAwake && dozes
        return !threadIsAwake
    }
}
