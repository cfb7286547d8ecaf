internal import PlaitPlatform

/// An object that a manager serves.
@safe
final class ServedObject: @unchecked Sendable {
    // Sendable: only the manager's thread uses `target`; the table's lock guards the rest.
    let number: UInt64
    let target: AnyObject
    /// How many references there are: of connections, in the manager, and lent ones.
    fileprivate(set) var references = 0
    /// Whether the object has a name, and so stays without references.
    fileprivate(set) var hasName = false

    init(_ number: UInt64, _ target: AnyObject) {
        self.number = number
        self.target = target
    }
}

/// A manager's objects and their holders.
final class ObjectTable: @unchecked Sendable {
    // Sendable: `guardLock` guards everything. Nothing is freed under it.
    private let guardLock = ShortLock()
    private var objects: [UInt64: ServedObject] = [:]
    private var numbers: [ObjectIdentifier: UInt64] = [:]
    private var names: [String: ServedObject] = [:]
    private var lent: [UInt64: Loan] = [:]
    /// Tickets that came back on another connection before the loan was known; at most 1,024.
    private var early: [UInt64] = []
    /// For each connection, the objects that it holds, and how often.
    private var held: [UInt64: [UInt64: Int]] = [:]
    private var last: UInt64 = 0

    var count: Int { guardLock.withLock { objects.count } }

    /// The served object of a target, held once more. Makes one if there is none.
    func serve(_ target: AnyObject) -> ServedObject {
        guardLock.withLock {
            if let number = numbers[ObjectIdentifier(target)], let object = objects[number] {
                object.references += 1
                return object
            }
            last += 1
            let object = ServedObject(last, target)
            object.references = 1
            objects[last] = object
            numbers[ObjectIdentifier(target)] = last
            return object
        }
    }

    func find(_ number: UInt64) -> ServedObject? { guardLock.withLock { objects[number] } }

    /// The object with a number, held once more.
    func retained(_ number: UInt64) throws(ManagerError) -> ServedObject {
        let object = guardLock.withLock {
            let object = objects[number]
            object?.references += 1
            return object
        }
        guard let object else { throw .objectGone(number) }
        return object
    }

    func retain(_ object: ServedObject) { guardLock.withLock { object.references += 1 } }

    func release(_ object: ServedObject) {
        guardLock.withLock { drop(object, 1) }
        // The caller's reference is the last one only from here on.
    }

    /// Called under the lock. The caller retains `object` until it has unlocked.
    private func drop(_ object: ServedObject, _ count: Int) {
        object.references -= count
        if object.references == 0 && !object.hasName {
            objects[object.number] = nil
            numbers[ObjectIdentifier(object.target)] = nil
        }
    }

    // MARK: Names

    func named(_ name: String) -> ServedObject? { guardLock.withLock { names[name] } }

    /// Names an object, which keeps it as long as the manager lives.
    func name(_ object: ServedObject, _ name: String) {
        guardLock.withLock {
            object.hasName = true
            names[name] = object
        }
    }

    // MARK: Connections

    /// Notes that a connection holds the object once more. Returns false, having done nothing, if
    /// the connection has ended.
    func hold(_ object: ServedObject, for session: UInt64) -> Bool {
        guardLock.withLock {
            guard held[session] != nil else { return false }
            held[session]?[object.number, default: 0] += 1
            object.references += 1
            return true
        }
    }

    func begin(_ session: UInt64) { guardLock.withLock { held[session] = [:] } }

    /// Notes that a connection holds the object once less.
    func release(_ number: UInt64, for session: UInt64) {
        let object = guardLock.withLock { () -> ServedObject? in
            guard let count = held[session]?[number], let object = objects[number] else {
                return nil
            }
            held[session]?[number] = count == 1 ? nil : count - 1
            drop(object, 1)
            return object
        }
        withExtendedLifetime(object) {}
    }

    /// Releases everything that an ended connection holds.
    func end(_ session: UInt64, now: UInt64 = monotonicNow()) {
        let dropped = guardLock.withLock { () -> [ServedObject] in
            var dropped: [ServedObject] = []
            for (number, count) in held.removeValue(forKey: session) ?? [:] {
                guard let object = objects[number] else { continue }
                drop(object, count)
                dropped.append(object)
            }
            // Loans on their way arrive all the same, since a result is read after its process has
            // ended.
            for (ticket, loan) in lent where loan.session == session {
                lent[ticket]?.end = min(loan.end, now + Self.grace)
            }
            return dropped
        }
        withExtendedLifetime(dropped) {}
    }

    /// Drops the loans that nobody has claimed in time.
    func sweep(now: UInt64 = monotonicNow()) {
        let dropped = guardLock.withLock { () -> [ServedObject] in
            let over = lent.filter { $0.value.end < now }
            for (ticket, loan) in over {
                lent[ticket] = nil
                drop(loan.object, 1)
            }
            return over.values.map(\.object)
        }
        withExtendedLifetime(dropped) {}
    }

    // MARK: Loans: holds for a process to which a reference is on its way.

    private struct Loan {
        let object: ServedObject
        let session: UInt64
        /// When the loan ends, even if nobody has claimed it.
        var end: UInt64
    }

    /// How long a loan outlives its lender, in nanoseconds.
    static let grace: UInt64 = 60_000_000_000

    /// - Parameter seconds: How long the loan lasts at most; 0 lasts as long as the lender.
    func lend(
        _ object: ServedObject, _ ticket: UInt64, by session: UInt64, seconds: UInt64 = 0,
        now: UInt64 = monotonicNow()
    ) {
        guardLock.withLock {
            if let place = early.firstIndex(of: ticket) {
                early.remove(at: place)
                return
            }
            object.references += 1
            let end = seconds == 0 ? .max : now + seconds * 1_000_000_000
            lent[ticket] = Loan(object: object, session: session, end: end)
        }
    }

    /// Ends a loan, since the receiver of the ticket now holds the object.
    func settle(_ ticket: UInt64) {
        let loan = guardLock.withLock { () -> ServedObject? in
            guard let loan = lent.removeValue(forKey: ticket) else {
                if early.count == 1_024 { early.removeFirst() }
                early.append(ticket)
                return nil
            }
            drop(loan.object, 1)
            return loan.object
        }
        withExtendedLifetime(loan) {}
    }
}

/// A hold that the manager itself has on one of its objects.
final class ServedReference: Sendable {
    let object: ServedObject
    let server: ManagerServer

    /// Takes over a hold that is counted already.
    init(_ object: ServedObject, _ server: ManagerServer) {
        self.object = object
        self.server = server
    }

    deinit { server.objects.release(object) }
}

/// A hold of the manager's own, for the process to which a reference is on its way.
final class CarriedObject: Sendable {
    private let object: ServedObject
    private let server: ManagerServer

    /// Takes over a hold that is counted already.
    init(_ object: ServedObject, _ server: ManagerServer) {
        self.object = object
        self.server = server
    }

    deinit { server.releaseLater(object) }
}
