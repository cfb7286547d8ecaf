internal import PlaitPlatform
internal import SystemPackage

/// A request to the fork server for a child. The descriptors follow, the child's link first.
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
    /// The child's work; nil if the parent tells the child itself.
    var work: ChildWork?
    /// Whether this is instead a request to end the last child, whose descriptor did not arrive.
    var endsLast = false
}

/// The fork server's answer: the child's number, which its descriptor follows, or the reason why
/// there is no child.
struct ForkReply: Codable {
    var pid: Int32 = 0
    var errno: Int32 = 0
    var call = ""
}

/// The life of a fork server. It is this program before its `main`, and never has a second thread.
/// The processes that it makes are children of its parent, and so its siblings.
enum ForkServerLife {
    static func run(_ link: Connection) -> Never {
        // An interrupt from the terminal concerns the program; children get the default action
        // back.
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
        // Everything that can be done once, so that the copies need not do it.
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
