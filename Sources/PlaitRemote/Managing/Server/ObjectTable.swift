internal import PlaitPlatform

/// An object that a manager serves.
@safe
final class ServedObject: @unchecked Sendable {
    // Sendable: `target` is used by the manager's thread alone; the table's lock guards the rest.
    let number: UInt64
    let target: AnyObject
    /// Of connections, of references in the manager, and lent ones.
    fileprivate(set) var references = 0
    /// Whether it is kept without references.
    fileprivate(set) var hasName = false

    init(_ number: UInt64, _ target: AnyObject) {
        self.number = number
        self.target = target
    }
}

/// A manager's objects and who holds them.
final class ObjectTable: @unchecked Sendable {
    // Sendable: `guardLock` guards it all. Nothing is freed under it.
    private let guardLock = ShortLock()
    private var objects: [UInt64: ServedObject] = [:]
    private var numbers: [ObjectIdentifier: UInt64] = [:]
    private var names: [String: ServedObject] = [:]
    private var lent: [UInt64: Loan] = [:]
    /// Tickets that came back before the loan was known, on another connection; at most 1,024.
    private var early: [UInt64] = []
    /// What connections hold, and how often.
    private var held: [UInt64: [UInt64: Int]] = [:]
    private var last: UInt64 = 0

    var count: Int { guardLock.withLock { objects.count } }

    /// The object of a target, held once more: a new one if it has none.
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

    /// The object, held once more.
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
        // Only here is the caller's reference the last one.
    }

    /// Under the lock. The caller keeps `object` until after it.
    private func drop(_ object: ServedObject, _ count: Int) {
        object.references -= count
        if object.references == 0 && !object.hasName {
            objects[object.number] = nil
            numbers[ObjectIdentifier(object.target)] = nil
        }
    }

    // MARK: Names

    func named(_ name: String) -> ServedObject? { guardLock.withLock { names[name] } }

    /// Keeps the object as long as the manager.
    func name(_ object: ServedObject, _ name: String) {
        guardLock.withLock {
            object.hasName = true
            names[name] = object
        }
    }

    // MARK: Connections

    /// Notes that a connection holds the object once more. False, having done nothing, for one that
    /// has ended.
    func hold(_ object: ServedObject, for session: UInt64) -> Bool {
        guardLock.withLock {
            guard held[session] != nil else { return false }
            held[session]?[object.number, default: 0] += 1
            object.references += 1
            return true
        }
    }

    func begin(_ session: UInt64) { guardLock.withLock { held[session] = [:] } }

    /// A connection holds the object once less.
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

    /// A connection holds nothing more.
    func end(_ session: UInt64, now: UInt64 = monotonicNow()) {
        let dropped = guardLock.withLock { () -> [ServedObject] in
            var dropped: [ServedObject] = []
            for (number, count) in held.removeValue(forKey: session) ?? [:] {
                guard let object = objects[number] else { continue }
                drop(object, count)
                dropped.append(object)
            }
            // Those on the way arrive all the same: a result is read when its process has ended.
            for (ticket, loan) in lent where loan.session == session {
                lent[ticket]?.end = min(loan.end, now + Self.grace)
            }
            return dropped
        }
        withExtendedLifetime(dropped) {}
    }

    /// Drops the loans that nobody has taken up in time.
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

    // MARK: Loans: holds on the way to a process, which may come when the sender's hold is gone.

    private struct Loan {
        let object: ServedObject
        let session: UInt64
        /// When it ends, though nobody has taken it up.
        var end: UInt64
    }

    /// How long a loan outlives its lender, in nanoseconds.
    static let grace: UInt64 = 60_000_000_000

    /// - Parameter seconds: How long at most; 0 for as long as the lender is there.
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

    /// Ends a loan, now that whoever got the ticket holds the object.
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

/// A hold of the manager's own for a process that the reference is on its way to.
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
