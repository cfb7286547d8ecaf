internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync

/// The identity of a manager.
struct ManagerIdentity: Codable, Hashable, Sendable {
    /// Made of 16 random bytes.
    let id: String
    let name: String
    let pid: Int32
    let limits: ManagerLimits
}

/// The life of a manager's process. It has one thread, whose fibers read from the connections and
/// run the calls.
@safe
final class ManagerServer: @unchecked Sendable {
    // Sendable: `objects` has a lock; only the manager's thread uses the rest.
    let identity: ManagerIdentity
    let objects = ObjectTable()
    /// The manager's address on this machine, and the key for it.
    let home: SocketAddress
    let key: [UInt8]
    private let hub: Hub
    private let thread: Int32
    private var sessions: [UInt64: ServerSession] = [:]
    private var lastSession: UInt64 = 0
    private var listeners: [ListeningSocket] = []
    private let hasWork = Event()
    private var lastWork: UInt64 = 0
    private var isOver = false

    /// The manager of this process; nil if this process is not a manager.
    static var current: ManagerServer? { place.withLock { $0 } }
    private static let place = Guarded<ManagerServer?>(nil)

    private init(_ identity: ManagerIdentity, home: SocketAddress, key: [UInt8], hub: Hub) {
        self.identity = identity
        self.home = home
        self.key = key
        self.hub = hub
        thread = kernelThreadID()
    }

    // MARK: Running

    /// Serves until the manager is shut down.
    static func run(_ plan: ManagerPlan) throws {
        // An interrupt from the terminal concerns the program. It must not end calls under way.
        Processes.ignore(.interrupt)
        var options = Hub.Options()
        // Calls run on fibers with this stack size.
        options.stackSize = plan.limits.stackSize
        let hub = try Hub.make(options: options)
        let identity = ManagerIdentity(
            id: plan.id, name: plan.name, pid: processID(), limits: plan.limits)
        let server = ManagerServer(identity, home: plan.address, key: plan.key, hub: hub)
        place.withLock { $0 = server }
        let root = server.objects.serve(ManagerRoot(server))
        server.objects.name(root, "")
        precondition(root.number == ManagerRoot.number)
        server.take(
            try ListeningSocket(adopting: plan.listener.number), key: plan.key, isHome: true)
        try server.loop()
    }

    /// Runs the fibers. After work it spins for 20 µs, looking for more, before it sleeps.
    private func loop() throws {
        while !isOver {
            if processorCount > 1 {
                while !isOver && monotonicNow() < lastWork + 20_000 { Strand.yield() }
            }
            hasWork.clear()
            if !isOver { try hasWork.wait() }
        }
        for listener in listeners {
            listener.removeFile()
            listener.close()
        }
    }

    /// Notes that a fiber has done work.
    func noteWork() {
        lastWork = monotonicNow()
        if !hasWork.isSet { hasWork.set() }
    }

    var isStopping: Bool { isOver }

    func stop() {
        isOver = true
        noteWork()
    }

    // MARK: Connections

    /// Listens on a further address.
    func listen(on address: SocketAddress, key: [UInt8]?) throws -> SocketAddress {
        let socket = try ListeningSocket(address, backlog: 128)
        take(socket, key: key, isHome: false)
        return socket.address
    }

    private func take(_ socket: ListeningSocket, key: [UInt8]?, isHome: Bool) {
        listeners.append(socket)
        spawn(.fiber, name: "listen on \(socket.address)", isDaemon: true) {
            while true {
                do {
                    guard let number = try socket.accept() else { continue }
                    self.begin(number, socket.address, key, isHome)
                } catch is DescriptorClosed {
                    return
                } catch is CancellationError {
                    return
                } catch {
                    // The process may be out of descriptors. Waiting clients are served later.
                    try Strand.sleep(for: .milliseconds(100))
                }
            }
        }
    }

    private func begin(_ number: Int32, _ address: SocketAddress, _ key: [UInt8]?, _ isHome: Bool) {
        let isUnix = address.family == .unix
        if !isUnix { try? Sockets.set(.noDelay, of: number, to: true) }
        let connection = Connection(PolledDescriptor(owning: number), passesDescriptors: isUnix)
        lastSession += 1
        let session = lastSession
        spawn(.fiber, name: "client \(session)", isDaemon: true) {
            do {
                if let key {
                    try Handshake.receive(
                        connection, from: address, key: key,
                        until: Deadline(within: Handshake.limit), onRefusal: { _ in })
                }
                let served = ServerSession(
                    session, self, try connection.takeSocket(), isOfProgram: isHome)
                self.objects.sweep()
                self.objects.begin(session)
                self.sessions[session] = served
                defer {
                    self.sessions[session] = nil
                    served.end()
                }
                try served.serve()
            } catch {
                // The client has no key, or is gone.
            }
        }
    }

    /// The session with a number; nil if it has ended.
    func session(_ number: UInt64) -> ServerSession? { sessions[number] }

    var sessionCount: Int { sessions.count }
    var waitingCount: Int { sessions.values.reduce(0) { $0 + $1.waitingCount } }

    // MARK: Objects

    func serve(_ target: AnyObject) -> ServedObject { objects.serve(target) }

    func object(_ number: UInt64) throws(ManagerError) -> ServedObject {
        try objects.retained(number)
    }

    /// A reference that any process can use.
    /// - Parameter loans: As for ``ManagerClient/lend(_:in:)``.
    func lend(_ object: ServedObject, in loans: Loans?) -> ForeignReference {
        var ticket: UInt64 = 0
        if let loans, loans.isWatched {
            objects.retain(object)
            loans.keep(CarriedObject(object, self))
        } else {
            ticket = UInt64.random(in: 1 ... .max)
            objects.lend(object, ticket, by: 0, seconds: loans == nil ? 1 : 0)
        }
        return ForeignReference(
            manager: identity, address: home, key: key, object: object.number, ticket: ticket)
    }

    func claim(_ number: UInt64, _ ticket: UInt64) throws(ManagerError) -> ServedObject {
        let object = try objects.retained(number)
        if ticket != 0 { objects.settle(ticket) }
        return object
    }

    /// As ``ObjectTable/release(_:for:)``, but only after the requests that other connections have
    /// already sent are handled.
    func releaseLater(_ object: UInt64, of session: UInt64) {
        afterRequests { self.objects.release(object, for: session) }
    }

    /// As ``releaseLater(_:of:)``, for a hold that belongs to no connection.
    func releaseLater(_ object: ServedObject) {
        afterRequests { self.objects.release(object) }
    }

    private func afterRequests(_ body: @escaping @Sendable () -> Void) {
        spawn(.fiber, on: hub, name: "release", isDaemon: true) {
            // A round of the loop may have begun before. Requests that have come by now are handled
            // in the next round.
            for _ in 0..<2 { try Strand.sleep(for: .milliseconds(5)) }
            body()
        }
    }

    /// Runs `body` on the manager's thread, and waits for it.
    func onThread<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) throws -> Result {
        if kernelThreadID() == thread { return try body() }
        return try spawn(.fiber, on: hub, name: "call", body).join()
    }
}

/// The input of a manager's process.
struct ManagerPlan: Codable, Sendable {
    let id: String
    let name: String
    let address: SocketAddress
    let key: [UInt8]
    let listener: PassedDescriptor
    let limits: ManagerLimits
}

/// A descriptor in the input of a process.
struct PassedDescriptor: Codable, Sendable {
    let number: Int32

    init(_ number: Int32) { self.number = number }

    func encode(to encoder: any Encoder) throws {
        let bag = try DescriptorBag.of(encoder.userInfo, for: "descriptor")
        var container = encoder.singleValueContainer()
        try container.encode(bag.put(number))
    }

    /// The caller that takes the number owns the descriptor.
    init(from decoder: any Decoder) throws {
        let bag = try DescriptorBag.of(decoder.userInfo, for: "descriptor")
        number = try bag.copy(try decoder.singleValueContainer().decode(Int.self)).release()
    }
}

/// The function that a manager's process runs.
enum ManagerLife: ProcessFunction {
    static func run(_ plan: ManagerPlan) throws -> Nothing {
        try ManagerServer.run(plan)
        return Nothing()
    }
}

extension ServedReference {
    func run<Call: ManagedCall>(_ call: Call) throws -> Call.Output {
        let caller = ManagedCaller.manager
        return try server.onThread {
            guard let target = self.object.target as? Call.Target else {
                throw ManagerError.otherType(
                    expected: "\(Call.Target.self)", found: "\(type(of: self.object.target))")
            }
            return try call.run(on: target, for: caller)
        }
    }

    func submit<Call: ManagedCall>(_ call: Call) -> Future<Call.Output> {
        let promise = Promise<Call.Output>()
        _ = try? promise.begin()
        try? promise.complete(with: Result { try self.run(call) })
        return promise.future
    }
}
