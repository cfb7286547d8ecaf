internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands

/// The manager's side of a connection. Only the manager's thread uses it.
@safe
final class ServerSession: @unchecked Sendable {
    // Sendable: only the manager's thread uses it.
    let number: UInt64
    let server: ManagerServer
    private let descriptor: PolledDescriptor
    /// Whether the other side is the manager's own program, so that its private types are known.
    private let isOfProgram: Bool
    private let incoming = FrameBuffer()
    private var out: [UInt8] = []
    private var isSending = false
    /// Whether the requests of one read are being handled. Their replies are sent together.
    private var isHandling = false
    private(set) var hasEnded = false
    private var types: [UInt32: any ManagedCall.Type] = [:]
    /// The names of types that are unknown here, for the error.
    private var unknown: [UInt32: String] = [:]
    /// The calls that have a fiber.
    private var waiting: [UInt32: Strand] = [:]
    /// The locks that strands of the other side hold. They learn when the connection ends.
    private var held: [ObjectIdentifier: any HeldByCaller] = [:]

    init(
        _ number: UInt64, _ server: ManagerServer, _ descriptor: PolledDescriptor, isOfProgram: Bool
    ) {
        self.number = number
        self.server = server
        self.descriptor = descriptor
        self.isOfProgram = isOfProgram
    }

    var context: CodingContext { CodingContext(.managerSession, self) }

    var waitingCount: Int { waiting.count }

    // MARK: Reading

    /// Handles requests until the other side goes away.
    func serve() throws {
        while true {
            try incoming.makeRoom()
            let count = try descriptor.read("recv", full: incoming.room, until: .never) { number in
                incoming.receive(from: number)
            }
            if count == 0 { return }
            isHandling = true
            try handleAll()
            isHandling = false
            flush()
            server.noteWork()
        }
    }

    private func handleAll() throws {
        var requests: [(head: RequestHead, body: [UInt8])] = []
        while let request = try incoming.takeRequest() {
            // The caller has left already, for example while this process was stopped.
            if request.head.kind == .cancel,
                let place = requests.lastIndex(where: { $0.head.isCall(request.head.number) })
            {
                requests.remove(at: place)
                answer(request.head.number, Answer.of(CallCancelled()))
            } else {
                requests.append(request)
            }
        }
        for request in requests { handle(request.head, request.body) }
    }

    private func handle(_ head: RequestHead, _ body: [UInt8]) {
        switch head.kind {
        case .call: call(head, body)
        case .define: define(head.type, body)
        case .release: server.objects.release(head.object, for: number)
        case .releaseLater: server.releaseLater(head.object, of: number)
        case .cancel: waiting[head.number]?.cancel()
        case .lend:
            guard let object = server.objects.find(head.object), let ticket = body.ticket else {
                return
            }
            server.objects.lend(object, ticket, by: number, seconds: UInt64(head.number))
        case .claim:
            guard let object = server.objects.find(head.object), let ticket = body.ticket else {
                // The object is gone, and calls on it will report that.
                return
            }
            _ = server.objects.hold(object, for: number)
            if ticket != 0 { server.objects.settle(ticket) }
        }
    }

    /// A place in another program's image means nothing in this one.
    func knows(_ type: TypeName) -> Bool { isOfProgram || !type.isPrivate }

    private func define(_ type: UInt32, _ body: [UInt8]) {
        guard let name = try? MessagePackDecoder().decode(TypeName.self, from: body) else { return }
        if knows(name), let call = name.resolve() as? any ManagedCall.Type {
            types[type] = call
        } else {
            unknown[type] = "\(name)"
        }
    }

    private func call(_ head: RequestHead, _ body: [UInt8]) {
        guard let object = server.objects.find(head.object) else {
            return answer(head.number, Answer.of(ManagerError.objectGone(head.object)))
        }
        guard let type = types[head.type] else {
            let name = unknown[head.type] ?? "the call"
            return answer(head.number, Answer.of(ManagerError.unknownCall(name)))
        }
        perform(type, on: object.target, head, body)
    }

    private func perform<Call: ManagedCall>(
        _ type: Call.Type, on target: AnyObject, _ head: RequestHead, _ body: [UInt8]
    ) {
        do {
            let decoder = MessagePackDecoder(depth: server.identity.limits.depth)
            let call = try decoder.decode(type, from: body, in: context)
            guard let target = target as? Call.Target else {
                throw ManagerError.otherType(
                    expected: "\(Call.Target.self)", found: "\(Swift.type(of: target))")
            }
            let caller = ManagedCaller(session: number, strand: head.strand)
            guard Call.mayWait else {
                return try answer(head.number, value: call.run(on: target, for: caller))
            }
            if let value = try call.runAtOnce(on: target, for: caller) {
                return try answer(head.number, value: value)
            }
            start(call, on: target, for: caller, head.number)
        } catch {
            answer(head.number, refusal(error))
        }
    }

    private func start<Call: ManagedCall>(
        _ call: Call, on target: Call.Target, for caller: ManagedCaller, _ request: UInt32
    ) {
        let handle = spawn(.fiber, name: "\(Call.self)", isDaemon: true) {
            defer { self.waiting[request] = nil }
            do {
                let value = try call.run(on: target, for: caller)
                try self.answer(request, value: value)
            } catch {
                self.answer(request, self.refusal(error))
            }
        }
        handle.strand.markObserved()
        waiting[request] = handle.strand
        if let error = handle.strand.errorAfterEnd {
            waiting[request] = nil
            answer(request, Answer.of(error))
        }
    }

    private func refusal(_ error: any Error) -> [UInt8] {
        Answer.of(error is CancellationError ? CallCancelled() : error, isOfProgram: isOfProgram)
    }

    // MARK: Answering

    private func answer<Value: Encodable>(_ request: UInt32, value: Value) throws {
        // Nobody would hold the objects in the answer.
        if hasEnded { return }
        answer(request, try Answer.of(value: value, in: context))
    }

    private func answer(_ request: UInt32, _ bytes: [UInt8]) {
        if hasEnded { return }
        var bytes = bytes
        if bytes.count > server.identity.limits.body(behind: RequestHead.replySize) {
            bytes = Answer.of(ManagerError.tooLong(bytes.count))
        }
        out.append(replyTo: request, bytes)
        if !isHandling { flush() }
    }

    /// Sends the output, parking the fiber while the other side takes no more.
    private func flush() {
        guard !isSending, !hasEnded else { return }
        isSending = true
        defer { isSending = false }
        while !out.isEmpty {
            let bytes = out
            out = []
            do {
                try send(bytes)
            } catch {
                // The other side is gone, which the reader will find too.
                hasEnded = true
                return
            }
            server.noteWork()
        }
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let from = sent
            let count = try uncancelled {
                try descriptor.write("send", until: .never) { number in
                    unsafe bytes.withUnsafeBytes {
                        unsafe Sockets.send(
                            number, UnsafeRawBufferPointer(rebasing: $0[from...]))
                    }
                }
            }
            sent += count ?? 0
        }
    }

    /// Runs `body`. A late cancellation of the call must not cut its answer.
    private func uncancelled<Result>(_ body: () throws -> Result) throws -> Result {
        while true {
            do {
                return try body()
            } catch is CancellationError where !hasEnded && !server.isStopping {
                continue
            }
        }
    }

    // MARK: Holding

    /// Notes that the client holds the object once more, and returns its number.
    func hold(_ object: ServedObject) -> UInt64 {
        _ = server.objects.hold(object, for: number)
        return object.number
    }

    func note(_ lock: some HeldByCaller) { held[ObjectIdentifier(lock)] = lock }
    func forget(_ lock: some HeldByCaller) { held[ObjectIdentifier(lock)] = nil }

    /// Ends the session, since the other side is gone.
    func end() {
        hasEnded = true
        for strand in waiting.values { strand.cancel() }
        let held = held.values
        self.held = [:]
        for lock in held { lock.callerEnded(number) }
        server.objects.end(number)
        server.noteWork()
    }
}

extension RequestHead {
    fileprivate func isCall(_ number: UInt32) -> Bool { kind == .call && self.number == number }
}

/// A lock that learns when the connection of its holder ends.
protocol HeldByCaller: AnyObject {
    func callerEnded(_ session: UInt64)
}

/// A waiting call was given up.
struct CallCancelled: Error, Codable {}
