internal import PlaitPlatform
internal import SystemPackage

/// What a fork server is asked: a child. The descriptors follow, first the child's link.
struct ForkOrder: Codable {
    var parent: Int32
    var standard: [Bool] = [false, false, false]
    var deathSignal: Int32?
    var hasOwnGroup = false
    var hasOwnSession = false
    var directory: String?
    var environment: [String: String]?
    var memory: UInt64 = 0
    var seconds: UInt64 = 0
    var descriptors: UInt64 = 0
    var processors: Set<Int>?
    /// Nil where the child is told when it is there.
    var work: ChildWork?
    /// Whether, instead, the last child is to end: its descriptor has not arrived.
    var endsLast = false
}

/// What it answers: the child's number, which its descriptor follows, or why there is none.
struct ForkReply: Codable {
    var pid: Int32 = 0
    var errno: Int32 = 0
    var call = ""
}

/// The life of a fork server: this program before its `main`, with one thread for ever. Its
/// children are siblings: children of the process that it works for.
enum ForkServerLife {
    static func run(_ link: Connection) -> Never {
        // The terminal's is for the program; children have it again.
        Processes.ignore(.interrupt)
        ChildLife.warmUp()
        var last: Int32?
        while let order = try? link.receive(ForkOrder.self) {
            if order.endsLast {
                if let last { try? Processes.send(.kill, to: last, pid: 0) }
                continue
            }
            if let last { closeDescriptor(last) }
            last = nil
            var numbers: [Int32] = []
            do {
                for _ in 0..<(1 + order.standard.count { $0 }) {
                    numbers.append(try link.receiveDescriptor().rawValue)
                }
                let (reply, descriptor) = fork(order, numbers, link)
                for number in numbers { closeDescriptor(number) }
                last = descriptor
                try link.send(value: reply)
                if let descriptor { try link.send(FileDescriptor(rawValue: descriptor)) }
            } catch {
                break
            }
        }
        Processes.exit(0)
    }

    private static func fork(
        _ order: ForkOrder, _ numbers: [Int32], _ link: Connection
    ) -> (ForkReply, descriptor: Int32?) {
        // All that can be done once, for each copy not to do it.
        let plan = plan(order, numbers)
        let known = order.work.map { work in
            (work, work.order.function?.resolve() as? any ProcessFunction.Type)
        }
        do throws(SystemError) {
            let started = try Processes.cloneSibling()
            if started.pid == 0 { begin(order, plan, numbers, link, known) }
            return (ForkReply(pid: started.pid), started.descriptor)
        } catch {
            return (ForkReply(errno: error.errno.rawValue, call: error.call), nil)
        }
    }

    private static func plan(_ order: ForkOrder, _ numbers: [Int32]) -> Processes.Plan {
        var plan = Processes.Plan(path: "a child", arguments: [])
        var rest = numbers.dropFirst()
        let standard = order.standard.map { $0 ? rest.popFirst() : nil }
        plan.standard = (standard[0], standard[1], standard[2])
        plan.link = numbers[0]
        plan.deathSignal = order.deathSignal.map { Signal(number: $0) }
        plan.hasOwnGroup = order.hasOwnGroup
        plan.hasOwnSession = order.hasOwnSession
        plan.directory = order.directory
        plan.limits = (order.memory, order.seconds, order.descriptors)
        plan.processors = order.processors
        return plan
    }

    private static func begin(
        _ order: ForkOrder, _ plan: Processes.Plan, _ numbers: [Int32], _ link: Connection,
        _ known: ChildLife.Known?
    ) -> Never {
        link.close()
        ChildProcess.enterForked()
        do {
            try Processes.settle(plan, parent: order.parent)
        } catch {
            StandardStream.error.write("plait: process \(processID()): \(error)\n")
            Processes.exitNow(1)
        }
        for number in numbers where number > Processes.link { closeDescriptor(number) }
        if let environment = order.environment { Processes.setEnvironment(environment) }
        ChildLife.begin(known)
    }
}
