internal import PlaitPlatform
internal import PlaitStrands
internal import SystemPackage

/// The first message to a child that runs functions.
struct ChildOrder: Codable {
    enum Role: String, Codable { case server, function, other }

    let role: Role
    /// The process's name in reports; nil takes `process-` and its number.
    var name: String?
    /// The ``ChildRole`` of the process, if it is not that of a function.
    var life: TypeName?
    /// The function to run; its input follows.
    var function: TypeName?
    /// How many descriptors belong to the input. They come before it.
    var descriptors = 0
    var isDaemon = false
    /// The parent, which gives the order.
    var parent = CurrentProcess.asParent
    /// How many resident bytes a worker may have.
    var residentLimit: Int?
}

/// What a child does instead of running one function, such as the work of a pool's worker. The type
/// is known only to the code that starts the child.
protocol ChildRole {
    static func run(_ order: ChildOrder, _ link: Connection) throws
}

/// The work of a child.
struct ChildWork: Codable {
    let order: ChildOrder
    /// The input of its function.
    let input: [UInt8]
}

/// The C layer calls it before `main` in a process that was started as a child of
/// ``StartMethod/spawn`` or as a fork server.
@c(plait_child_main)
func enterChild() { ChildLife.begin(nil) }

/// The life of a process that runs functions for its parent. Descriptor 3 connects it to the
/// parent.
enum ChildLife {
    /// What a child of the fork server knows already when it begins.
    typealias Known = (work: ChildWork, function: (any ProcessFunction.Type)?)

    static func begin(_ known: Known?) -> Never {
        Processes.closeOnExec(Processes.link)
        var code: Int32 = 0
        do {
            try serve(
                Connection(owning: Processes.link, isReadable: true, isWritable: true), known)
        } catch {
            StandardStream.error.write("plait: process \(processID()): \(error)\n")
            code = 1
        }
        end(code)
    }

    /// Ends a process that runs functions, whatever its start method. It does not run the program's
    /// exit handlers, since the program never began.
    static func end(_ code: Int32) -> Never {
        ProgramEnd.run()
        Processes.exitNow(code)
    }

    /// Carries out its orders.
    private static func serve(_ link: Connection, _ known: Known?) throws {
        do {
            let order = try known?.work.order ?? link.receive(ChildOrder.self)
            CurrentProcess.become(
                name: order.name, isDaemon: order.isDaemon, childOf: order.parent)
            switch order.role {
            case .server: ForkServerLife.run(link)
            case .function: try answer(order, link, known)
            case .other:
                guard let life = order.life?.resolve() as? any ChildRole.Type else {
                    throw ProcessFunctionError.unknown(CurrentProcess.name)
                }
                try life.run(order, link)
            }
        } catch ConnectionError.endOfStream {
            // The parent is gone or wants nothing more.
        }
    }

    private static func answer(
        _ order: ChildOrder, _ link: Connection, _ known: Known?
    ) throws {
        let (input, bag) = try known.map { ($0.work.input, nil) } ?? receiveInput(order, link)
        let found = known.map(\.function) ?? order.function?.resolve() as? any ProcessFunction.Type
        guard let function = found else {
            let error = ProcessFunctionError.unknown(CurrentProcess.name)
            return try link.send(Answer.of(error))
        }
        try link.send(Answer.of(function, input, bag))
    }

    /// Does once what each child will do. Children then copy what the runtime and the loader have
    /// cached, instead of computing it again (decision 11).
    static func warmUp() { _ = isWarm }

    private static let isWarm: Bool = {
        let order = ChildOrder(
            role: .function, name: "warm", function: TypeName(Warmth.self), descriptors: 0)
        guard let bytes = try? MessagePackEncoder().encode(order),
            let copy = try? MessagePackDecoder().decode(ChildOrder.self, from: bytes),
            let function = copy.function?.resolve() as? any ProcessFunction.Type,
            let input = try? MessagePackEncoder().encode(1)
        else { return false }
        let answer = Answer.of(function, input)
        guard let (one, other) = try? Connection.pair(), (try? one.send(answer)) != nil else {
            return false
        }
        _ = Processes.parent
        ProgramEnd.warmUp()
        kept.withLock { $0 = { input.count } }
        kept.withLock { $0 = nil }
        return (try? other.receive()) == answer
    }()

    /// A closure that is released, for the warm-up.
    private static let kept = Guarded<(() -> Int)?>(nil)

    /// Receives the input of the order's function.
    static func receiveInput(
        _ order: ChildOrder, _ link: Connection
    ) throws -> ([UInt8], DescriptorBag) {
        let numbers = try (0..<order.descriptors).map { _ in try link.receiveDescriptor().rawValue }
        return (try link.receive(atMost: .max), DescriptorBag(owning: numbers))
    }
}

/// Does nothing, for ``ChildLife/warmUp()``.
private enum Warmth: ProcessFunction {
    static func run(_ number: Int) throws -> [String: Int] { ["warm": number] }
}
