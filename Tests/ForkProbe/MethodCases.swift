internal import Glibc
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitRemote
internal import PlaitStrands
internal import PlaitSync

/// What functions in other processes do, whatever the start method: each case prints the same for
/// all of them. Here, since only a program with one thread can fork.
enum MethodCases {
    static func run(_ name: String, _ method: StartMethod) throws {
        switch name {
        case "value": try value(method)
        case "error": try error(method)
        case "trap": try trap(method)
        case "kill": try kill(method)
        case "exit": try exit(method)
        case "limit": try limit(method)
        case "late end": try lateEnd(method)
        case "cancelled": try cancelled(method)
        case "daemon": try daemon(method)
        case "waited for": try waitedFor(method)
        case "shared": try shared(method)
        case "place": try place(method)
        case "here": try here(method)
        case "memory": try memory(method)
        case "descriptors": try descriptors(method)
        case "streams": try streams(method)
        case "many": try many(method)
        case "nested": try nested(method)
        case "contention": try contention(method)
        case "manager": try manager(method)
        default: fatalError("no such case")
        }
    }

    private static func value(_ method: StartMethod) throws {
        print(try spawn(.process, Double.self, 21, method: method).join())
        let large = [UInt8](repeating: 7, count: 3_000_000)
        print(try spawn(.process, Mirror.self, large, method: method).join() == large)
        print(try spawn(.process, Strands.self, 20, method: method).join())
    }

    private static func manager(_ method: StartMethod) throws {
        try withManager(name: "keeper", method: method) { manager in
            let book: ManagedDictionary<String, Int> = try manager.dictionary()
            try book.set("one", 1)
            print(try book.get("one") ?? 0, manager.pid == processID())
            let numbers = try (0..<3).map { _ in try book.submitGet("one") }
            print(try numbers.map { try $0.result() ?? 0 })
        }
    }

    private static func contention(_ method: StartMethod) throws {
        // From here on, the thread's number is known to what locks.
        Contend.prepare()
        print(try spawn(.process, BeMain.self, 1, method: method).join())
        for _ in 0..<3 { print(try spawn(.process, Contend.self, 10, method: method).join()) }
    }

    private static func error(_ method: StartMethod) throws {
        for number in [3, 0] {
            do {
                try spawn(.process, Refuse.self, number, name: "refuser", method: method).join()
            } catch let error as RemoteError {
                print(error.type, error.message, error.process.hasPrefix("refuser ("))
            } catch {
                print(error)
            }
        }
    }

    /// Prints how a process ended that did not answer.
    private static func crash(of handle: ProcessHandle<some Sendable>) throws {
        do {
            try handle.join()
            print("no crash")
        } catch let crash as WorkerCrashed {
            let isSignal = if case .signal = crash.status { true } else { false }
            print(crash.name, isSignal ? "signal" : "\(crash.status)", handle.isAlive)
        }
    }

    private static func trap(_ method: StartMethod) throws {
        try crash(of: spawn(.process, End.self, .trap, name: "trapper", method: method))
    }

    private static func kill(_ method: StartMethod) throws {
        let handle = try spawn(.process, End.self, .rest, name: "killed", method: method)
        handle.kill()
        try crash(of: handle)
        print(handle.exitStatus!)
    }

    private static func exit(_ method: StartMethod) throws {
        try crash(of: spawn(.process, End.self, .exit, name: "leaver", method: method))
    }

    private static func limit(_ method: StartMethod) throws {
        let handle = try spawn(.process, End.self, .rest, name: "resting", method: method)
        do {
            try handle.join(within: .milliseconds(1))
        } catch {
            print(type(of: error), handle.isAlive, handle.future.isDone)
        }
        handle.terminate()
        try crash(of: handle)
    }

    /// An answer that has come is kept when the process's end is waited for in vain.
    private static func lateEnd(_ method: StartMethod) throws {
        let event = try ProcessEvent()
        let handle = try spawn(.process, Linger.self, event, method: method)
        do {
            try handle.join(within: .milliseconds(300))
        } catch {
            print(type(of: error))
        }
        event.set()
        print(try handle.join())
    }

    /// Whoever is cancelled while it starts a process has it all the same.
    private static func cancelled(_ method: StartMethod) throws {
        // What all children have in common is there.
        try spawn(.process, Double.self, 1, method: method).join()
        Strand.current.cancel()
        let handle = try spawn(.process, End.self, .rest, name: "started", method: method)
        do {
            try handle.join()
            print("not cancelled")
        } catch {
            print(type(of: error), handle.isAlive)
        }
        handle.kill()
        try crash(of: handle)
        // What was asked of the parent is not for the child.
        Strand.current.cancel()
        let other = try spawn(.process, Strands.self, 20, method: method)
        _ = try? other.join()
        print(try other.join())
    }

    /// At its end the program ends it.
    private static func daemon(_ method: StartMethod) throws {
        let handle = try spawn(.process, End.self, .rest, method: method, isDaemon: true)
        print(handle.pid)
    }

    /// At its end the program waits for it.
    private static func waitedFor(_ method: StartMethod) throws {
        let event = try ProcessEvent()
        let handle = try spawn(.process, Say.self, event, method: method)
        StandardStream.output.write("\(handle.pid)\n")
        try ProgramEnd.perform {
            StandardStream.output.write("the program ends\n")
            event.set()
        }
    }

    private static func shared(_ method: StartMethod) throws {
        let plan = Fill.Plan(
            queue: try ProcessQueue(capacity: 10), memory: try SharedMemory(bytes: 64),
            isDone: try ProcessEvent())
        let handle = try spawn(.process, Fill.self, plan, method: method)
        print(try plan.queue.get(), try plan.queue.get())
        try plan.isDone.wait()
        print(plan.memory.load(at: 8, as: Int.self))
        try handle.join()
    }

    private static func place(_ method: StartMethod) throws {
        var options = ChildProcess.Options.ofFunction
        options.workingDirectory = "/proc"
        options.environment = ["PLAIT_TEST": "a=b", "EMPTY": ""]
        options.processors = [0]
        options.hasOwnGroup = true
        let view = try spawn(
            .process, Look.self, ["PLAIT_TEST", "EMPTY", "HOME", "PLAIT_CHILD"], method: method,
            options: options
        ).join()
        print(view.parent == processID(), view.threads, view.directory, view.hasOwnGroup)
        print(view.variables.map { $0 ?? "nil" })
    }

    /// Where this program is now, not where it was.
    private static func here(_ method: StartMethod) throws {
        try spawn(.process, Double.self, 1, method: method).join()
        unsafe chdir("/proc")
        print(try spawn(.process, Look.self, [], method: method).join().directory)
        unsafe chdir("/")
        print(try spawn(.process, Look.self, [], method: method).join().directory)
    }

    private static func memory(_ method: StartMethod) throws {
        var options = ChildProcess.Options.ofFunction
        options.limits.memory = 1 << 30
        let handle = try spawn(
            .process, Hoard.self, 4 << 30, name: "hoarder", method: method, options: options)
        try crash(of: handle)
    }

    private static func descriptors(_ method: StartMethod) throws {
        var options = ChildProcess.Options.ofFunction
        options.limits.descriptors = 64
        let count = try spawn(.process, OpenAll.self, Nothing(), method: method, options: options)
            .join()
        print(count > 40 && count <= 64)
    }

    private static func streams(_ method: StartMethod) throws {
        var options = ChildProcess.Options.ofFunction
        options.input = .pipe
        options.output = .pipe
        options.errorOutput = .null
        let handle = try spawn(.process, Upper.self, Nothing(), method: method, options: options)
        try handle.process.input!.write(Array("a line\n".utf8))
        handle.process.input!.close()
        print(String(decoding: try handle.process.output!.readToEnd(), as: UTF8.self))
        try handle.join()
    }

    private static func many(_ method: StartMethod) throws {
        let handles = try (0..<10).map { try spawn(.process, Double.self, $0, method: method) }
        print(try handles.map { try $0.join() })
    }

    private static func nested(_ method: StartMethod) throws {
        print(try spawn(.process, Nest.self, method.rawValue, method: method).join())
    }
}

private struct Refused: Error, Codable { let number: Int }
private struct Plain: Error {}

private enum Double: ProcessFunction {
    static func run(_ number: Int) throws -> Int { 2 * number }
}

private enum Mirror: ProcessFunction {
    static func run(_ bytes: [UInt8]) throws -> [UInt8] { bytes }
}

/// Fibers, threads and queues inside the child.
private enum Strands: ProcessFunction {
    static func run(_ count: Int) throws -> Int {
        let queue = Queue<Int>(capacity: 4)
        let fibers = (0..<count).map { number in spawn(.fiber) { try queue.put(number) } }
        let sum = spawn(.thread) { try (0..<count).reduce(0) { sum, _ in try sum + queue.get() } }
        for fiber in fibers { try fiber.join() }
        return try sum.join()
    }
}

private enum Refuse: ProcessFunction {
    static func run(_ number: Int) throws -> Nothing {
        if number == 0 { throw Plain() }
        throw Refused(number: number)
    }
}

private enum End: ProcessFunction {
    enum Way: String, Codable, Sendable { case trap, exit, rest }

    static func run(_ way: Way) throws -> Nothing {
        switch way {
        case .trap: fatalError("on purpose")
        case .exit: exit(7)
        case .rest: try Strand.sleep(for: .seconds(3_600))
        }
        return Nothing()
    }
}

/// Answers, and does not end before it may.
private enum Linger: ProcessFunction {
    static func run(_ mayEnd: ProcessEvent) throws -> Int {
        spawn(.thread) { try mayEnd.wait() }
        return 42
    }
}

private enum Say: ProcessFunction {
    static func run(_ may: ProcessEvent) throws -> Nothing {
        try may.wait()
        StandardStream.output.write("the process says\n")
        return Nothing()
    }
}

private enum Fill: ProcessFunction {
    struct Plan: Codable, Sendable {
        let queue: ProcessQueue<String>
        let memory: SharedMemory
        let isDone: ProcessEvent
    }

    static func run(_ plan: Plan) throws -> Nothing {
        try plan.queue.put("first")
        try plan.queue.put("second")
        plan.memory.store(4_711, at: 8)
        plan.isDone.set()
        return Nothing()
    }
}

/// What a child sees of itself.
private enum Look: ProcessFunction {
    struct View: Codable, Sendable {
        let parent: Int32
        let threads: Int
        let directory: String
        let variables: [String?]
        let hasOwnGroup: Bool
    }

    static func run(_ names: [String]) throws -> View {
        View(
            parent: getppid(), threads: try Processes.threadCount(),
            directory: Processes.currentDirectory ?? "nowhere",
            variables: names.map { name in
                unsafe getenv(name).map { unsafe String(cString: $0) }
            },
            hasOwnGroup: getpgid(0) == getpid())
    }
}

private enum Hoard: ProcessFunction {
    static func run(_ bytes: Int) throws -> Int { [UInt8](repeating: 1, count: bytes).count }
}

/// Opens what it may, and returns how many it has.
private enum OpenAll: ProcessFunction {
    static func run(_ nothing: Nothing) throws -> Int {
        var last: Int32 = 0
        while true {
            let number = dup(0)
            if number < 0 { return Int(errno == EMFILE ? last + 1 : -1) }
            last = max(last, number)
        }
    }
}

private enum Upper: ProcessFunction {
    static func run(_ nothing: Nothing) throws -> Nothing {
        StandardStream.output.write((readLine() ?? "nothing").uppercased())
        return Nothing()
    }
}

private enum Nest: ProcessFunction {
    static func run(_ method: String) throws -> String {
        let method = StartMethod(rawValue: method)!
        let number = try spawn(.process, Double.self, 4, method: method).join()
        return "\(number) by a child of a child"
    }
}
