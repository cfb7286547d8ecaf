internal import Plait

/// The connections of a process in the middle: one to the process that watches, and one at which
/// its child waits.
struct Middle: Codable, Sendable {
    let line: Connection
    let hold: Connection
}

/// Forks a child that ends at once, and asks for its status only when told to.
enum KeepZombie: ProcessFunction {
    static func run(_ middle: Middle) throws -> String {
        let child = try ChildProcess.fork {}
        try middle.line.send(value: child.pid)
        _ = try middle.line.receive(String.self)
        return "\(try child.join())"
    }
}

/// Forks a child that waits for the end of a connection, and ends before that child.
enum LeaveOrphan: ProcessFunction {
    static func run(_ middle: Middle) throws -> Nothing {
        let child = try ChildProcess.fork(parentDeathSignal: nil) {
            // The other end closes when the experiment is over or its process dies.
            _ = try? middle.hold.receive()
        }
        try middle.line.send(value: child.pid)
        _ = try middle.line.receive(String.self)
        return Nothing()
    }
}

/// A process in the middle, its child's number, and this process's ends of the connections to both.
private struct Family<Function: ProcessFunction> where Function.Input == Middle {
    let middle: ProcessHandle<Function.Output>
    let child: Int32
    private let line: Connection
    private let hold: Connection

    init(_ function: Function.Type) throws {
        let (line, theirs) = try Connection.pair()
        let (hold, theirHold) = try Connection.pair()
        middle = try spawn(.process, function, Middle(line: theirs, hold: theirHold))
        theirs.close()
        theirHold.close()
        child = try line.receive(Int32.self)
        (self.line, self.hold) = (line, hold)
    }

    /// Lets the process in the middle go on.
    func proceed() throws { try line.send(value: "go on") }
    /// Lets the waiting child end.
    func release() { hold.close() }

    /// The system's table of all three processes, once the child's row satisfies `isReached`.
    func table(when isReached: (ProcessTable.Row?) -> Bool) throws -> [String] {
        while !isReached(ProcessTable.row(child)) { try Strand.sleep(for: .milliseconds(1)) }
        let names = [processID(): "watcher", middle.pid: "middle", child: "child"]
        return ProcessTable.lines(
            ProcessTable.rows([processID(), middle.pid, child]).map(\.quiet), names)
    }
}

extension ProcessTable.Row {
    /// The row without the difference between running and sleeping, which changes from look to
    /// look.
    fileprivate var quiet: ProcessTable.Row {
        ProcessTable.Row(
            pid: pid, parent: parent, state: state == "R" ? "S" : state, command: command)
    }
}

extension ProcessExperiment {
    /// A child that has ended and whose parent does not take its status.
    static let zombie = ProcessExperiment(
        name: "zombie", title: "a child has ended, and its parent has not asked how"
    ) { trial in
        let family = try Family(KeepZombie.self)
        for line in try family.table(when: { $0?.state == "Z" }) { trial.say(line) }
        trial.record("zombies", 1)
        try family.proceed()
        let status = try family.middle.join()
        let isGone = ProcessTable.row(family.child) == nil
        trial.record("left", isGone ? 0 : 1)
        trial.say(
            "The parent joins: \(status). \(isGone ? "The row is gone." : "It is still there.")")
        trial.say(
            "A row is all that there is of a zombie: its number and how it ended. Children that Plait"
        )
        trial.say(
            "starts leave none, joined or not; this one was forked, where no thread may look after it."
        )
    }

    /// A child whose parent has ended.
    static let orphan = ProcessExperiment(
        name: "orphan", title: "a child outlives its parent, and is adopted"
    ) { trial in
        let abandoned = try Family(LeaveOrphan.self)
        for line in try abandoned.table(when: { $0 != nil }) { trial.say(line) }
        let parent = abandoned.middle.pid
        try abandoned.proceed()
        try abandoned.middle.join()
        for line in try abandoned.table(when: { $0 != nil && $0?.parent != parent }) {
            trial.say(line)
        }
        trial.say(
            "The parent has ended: the system's first process, or a subreaper, has adopted it.")
        abandoned.release()

        try CurrentProcess.becomeSubreaper()
        let adopted = try Family(LeaveOrphan.self)
        try adopted.proceed()
        try adopted.middle.join()
        for line in try adopted.table(when: { $0?.parent == processID() }) { trial.say(line) }
        trial.record("adopted", 1)
        trial.say(
            "Once more, after becomeSubreaper(): this process has adopted it, and takes its status."
        )
        adopted.release()
        while ProcessTable.row(adopted.child) != nil { try Strand.sleep(for: .milliseconds(1)) }
        trial.record("left", 0)
    }
}
