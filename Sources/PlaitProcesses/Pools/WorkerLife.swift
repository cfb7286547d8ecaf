internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSelectors
internal import PlaitStrands
internal import SystemPackage

/// The role of a pool's worker.
enum WorkerRole: ChildRole {
    static func run(_ order: ChildOrder, _ link: Connection) throws {
        try WorkerLife.run(order, link)
    }
}

/// The life of a pool's worker. It takes tasks from the shared memory, one after the other.
struct WorkerLife {
    private let link: Connection
    private let memory: WorkerMemory
    // These descriptors stay open as long as the process lives.
    /// Readable when there may be tasks, or room for answers.
    private let wakeup: Int32
    /// The worker makes it readable when there are answers and the pool sleeps.
    private let done: Int32
    /// Ready with `wakeup`, and when the pool's end of the connection is gone. The signal at the
    /// program's end does not reach a worker that has changed its user, or copies of a worker.
    private let waits: Waits
    private var functions: [UInt32: any ProcessFunction.Type] = [:]
    /// With how many resident bytes the worker tells the pool that it has grown too large.
    private let residentLimit: Int?
    /// The worker's name in reports.
    private let name: String

    static func run(_ order: ChildOrder, _ link: Connection) throws {
        var life = try WorkerLife(order, link)
        try link.send(life.initialize(order))
        while try life.step() {}
    }

    private init(_ order: ChildOrder, _ link: Connection) throws {
        self.link = link
        residentLimit = order.residentLimit
        name = CurrentProcess.name
        let file = Descriptor(owning: try link.receiveDescriptor().rawValue)
        memory = try WorkerMemory(mapping: file.number)
        wakeup = try link.receiveDescriptor().rawValue
        done = try link.receiveDescriptor().rawValue
        waits = try Waits(wakeup, link)
    }

    /// Runs the pool's initializer, if it has one.
    private func initialize(_ order: ChildOrder) throws -> [UInt8] {
        guard let type = order.function else { return [] }
        let (input, bag) = try ChildLife.receiveInput(order, link)
        guard let function = type.resolve() as? any ProcessFunction.Type else {
            return Answer.of(ProcessFunctionError.unknown(name))
        }
        return Answer.of(function, input, bag)
    }

    /// Takes the next step. Returns false when it was the last one.
    private mutating func step() throws -> Bool {
        let (kind, number, message) = try next()
        switch kind {
        case WorkerMemory.Task.define:
            let name = try MessagePackDecoder().decode(TypeName.self, from: message)
            functions[number] = name.resolve() as? any ProcessFunction.Type
            return true
        case WorkerMemory.Task.end: return false
        default: break
        }
        memory.begun += 1
        let isLarge = [WorkerMemory.Task.largeOne, WorkerMemory.Task.largeMany].contains(kind)
        let input = isLarge ? try link.receive(atMost: .max) : message
        let areMany = [WorkerMemory.Task.many, WorkerMemory.Task.largeMany].contains(kind)
        guard let function = functions[number] else {
            try answer(Answer.of(ProcessFunctionError.unknown(name)))
            return true
        }
        let bytes =
            areMany
            ? Answer.ofMany(function, input) : Answer.of(function, input)
        // The pool must know this before the answer, so that it gives no further item.
        if let residentLimit, (Processes.residentBytes(of: nil) ?? 0) > residentLimit {
            memory.isOversized = true
        }
        try answer(bytes)
        return true
    }

    private func next() throws -> (kind: UInt8, number: UInt32, message: [UInt8]) {
        while true {
            if let message = try memory.tasks.read() {
                // The pool may not have had room for more.
                return message
            }
            if SpinPolicy.process.spin(until: { !memory.tasks.isEmpty }) { continue }
            memory.tasks.consumerWillSleep(true)
            if memory.tasks.isEmpty { try sleep() }
            memory.tasks.consumerWillSleep(false)
        }
    }

    private func answer(_ bytes: [UInt8]) throws {
        let isLarge = bytes.count > MessageRing.longest
        let kind = isLarge ? WorkerMemory.Answers.large : WorkerMemory.Answers.answer
        let message = isLarge ? [] : bytes
        while !memory.answers.write(kind, 0, message) {
            memory.answers.producerWillSleep(true)
            if memory.answers.write(kind, 0, message) {
                memory.answers.producerWillSleep(false)
                break
            }
            if memory.answers.takeSleepingConsumer() { signalEventCounter(done) }
            try sleep()
            memory.answers.producerWillSleep(false)
        }
        if memory.answers.takeSleepingConsumer() { signalEventCounter(done) }
        if isLarge { try link.send(bytes) }
    }

    private func sleep() throws {
        if try waits.areOver() { throw ConnectionError.endOfStream }
        drainEventCounter(wakeup)
    }
}

/// The events for which an idle worker waits.
private final class Waits {
    private let epoll: EpollSelector

    init(_ wakeup: Int32, _ link: Connection) throws {
        epoll = try EpollSelector(batch: 2)
        try epoll.register(wakeup, interest: .readable, mode: .level, token: 0)
        // Watch only for its end.
        try link.withNumber { try epoll.register($0, interest: [], mode: .level, token: 1) }
    }

    /// Waits for an event. Returns true when the connection has ended.
    func areOver() throws -> Bool {
        _ = try Strand.waitReadable(epoll.descriptor, until: .never)
        var isOver = false
        try epoll.look { token, _ in isOver = isOver || token == 1 }
        return isOver
    }
}
