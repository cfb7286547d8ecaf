internal import Glibc
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// Who reaps what, and who is whose child, in a program with one thread.
enum Children {
    /// The words of `/proc/PID/stat` behind the program's name, such as the state's letter and the
    /// parent's number; nil when there is no such process.
    private static func status(of pid: Int32) -> [Substring]? {
        guard let file = unsafe try? FileDescriptor.open("/proc/\(pid)/stat", .readOnly) else {
            return nil
        }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = unsafe bytes.withUnsafeMutableBytes {
            unsafe (try? file.read(into: $0)) ?? 0
        }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return text.lastIndex(of: ")").map { text[$0...].dropFirst(2).split(separator: " ") }
    }

    private static func isZombie(_ pid: Int32) -> Bool { status(of: pid)?.first == "Z" }

    private static func wait(until condition: () -> Bool) {
        while !condition() { Strand.yield() }
    }

    private static func descriptorCount() throws -> Int {
        (0..<1_024).count { FileDescriptor(rawValue: $0).isOpen }
    }

    /// Forked children start no thread; they are reaped when looked at, or with the next child.
    static func reaping() throws {
        let kept = try ChildProcess.fork {}
        wait { isZombie(kept.pid) }
        print("zombie", try Processes.threadCount())
        print(kept.exitStatus!, status(of: kept.pid) == nil)

        let dropped = try ChildProcess.fork {}.pid
        wait { isZombie(dropped) }
        let second = try ChildProcess.fork {
            // None of these is this child's.
            print(CurrentProcess.children.count)
        }
        print(status(of: dropped) == nil, try second.join())

        // A program's start brings the thread, which sees to those as well.
        let fourth = try ChildProcess.fork { while true { pause() } }
        // The last one, as the next would reap it.
        let third = try ChildProcess.fork {}
        wait { isZombie(third.pid) }
        try ChildProcess.start("true").join()
        wait { status(of: third.pid) == nil }
        fourth.kill()
        wait { status(of: fourth.pid) == nil }
        // The one that has started that thread ends.
        wait { (try? Processes.threadCount()) == 2 }
        print(third.exitStatus!, fourth.exitStatus!)
        do {
            _ = try ChildProcess.fork {}
        } catch let refusal as MultiThreadedFork {
            print(refusal.names.contains("plait-children"))
        }
    }

    /// A callback of a loop, which must not wait, starts the first child.
    static func callback() throws {
        let started = Queue<ChildProcess>(capacity: 1)
        Hub.current.post {
            if let child = try? ChildProcess.start("true") { try? started.put(child) }
        }
        let child = try started.get()
        print("started")
        print(try child.join())
    }

    /// Starts that fail leave neither descriptors nor children.
    static func failures() throws {
        var options = ChildProcess.Options()
        options.input = .pipe
        options.output = .pipe
        options.errorOutput = .pipe
        _ = try ChildProcess.run("true")
        let before = try descriptorCount()
        var failed = 0
        for _ in 0..<200 {
            do {
                _ = try ChildProcess.start("/no/such/program", [], options)
            } catch {
                failed += error.errno == .noSuchFileOrDirectory ? 1 : 0
            }
        }
        print(failed, try descriptorCount() - before, CurrentProcess.children.count)
        for _ in 0..<50 { _ = try ChildProcess.run("true").check() }
        print(try descriptorCount() - before, CurrentProcess.children.count)
    }

    private enum Who: ProcessFunction {
        static func run(_ depth: Int) throws -> [String] {
            let parent = CurrentProcess.parent!
            let isRight = parent.isAlive && CurrentProcess.pid == processID()
            let me =
                "\(CurrentProcess.name) of \(parent.name): \(isRight), \(CurrentProcess.isDaemon)"
            if depth == 0 { return [me] }
            let child = try spawn(
                .process, Who.self, depth - 1, name: "level-\(depth)", method: .fork)
            return try [me] + child.join()
        }
    }

    /// The names and parents of forked children, and theirs.
    static func identity() throws {
        let resting = try ChildProcess.fork { while true { Strand.yield() } }
        print(CurrentProcess.children.map(\.name) == ["process-\(resting.pid)"])
        resting.kill()
        try resting.join()
        let child = try spawn(
            .process, Who.self, 2, name: "top", method: .fork, isDaemon: true)
        for line in try child.join() { print(line) }
        print(CurrentProcess.children.isEmpty)
        let parent = CurrentProcess.pid
        let fork = try ChildProcess.fork {
            let name = "process-\(processID())"
            print(CurrentProcess.name == name, CurrentProcess.parent!.pid == parent)
        }
        print(try fork.join(), CurrentProcess.name, CurrentProcess.parent == nil)
    }

    /// Thread pools work in a forked child, whether or not its parent had one.
    static func pools() throws {
        for had in [false, true] {
            if had {
                withThreadPool(workers: 2) { _ = try? $0.submit { 1 }.result() }
                wait { (try? Processes.threadCount()) == 1 }
            }
            let child = try ChildProcess.fork {
                let sum = try withThreadPool(workers: 2) { pool in
                    try (1...4).map { number in try pool.submit { number * number } }
                        .reduce(0) { try $0 + $1.result() }
                }
                let fiber = spawn(.fiber) { try blocking { kernelThreadID() != processID() } }
                print(sum, try fiber.join())
            }
            print(try child.join())
        }
    }

    /// Children that are daemons end with the program, also one that does not want to; another goes
    /// on.
    static func daemons() throws {
        var options = ChildProcess.Options()
        options.output = .pipe
        options.input = .null
        options.isDaemon = true
        let willing = try ChildProcess.start("sleep", ["600"], options)
        let stubborn = try ChildProcess.start(
            "sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], options)
        _ = try stubborn.output?.readLine()
        options.isDaemon = false
        options.output = .null
        let other = try ChildProcess.start("sleep", ["600"], options)
        print(willing.isDaemon, stubborn.isDaemon, other.isDaemon)
        print("\(willing.pid)\n\(stubborn.pid)\n\(other.pid)")
    }

    /// The same in a forked child, whose parent has had children before.
    static func forkedDaemons() throws {
        _ = try spawn(.process, Nobody.self, 1, method: .fork).join()
        try ChildProcess.fork { try daemons() }.join()
    }

    /// A child leaves a grandchild behind, which becomes this process's; its end is told.
    static func orphans() throws {
        let ended = Queue<EndedOrphan>(capacity: 16)
        try CurrentProcess.becomeSubreaper { try? ended.put($0) }
        var options = ChildProcess.Options()
        options.input = .pipe
        options.output = .pipe
        // A shell gives what it runs in the background no input but by another number.
        let script = "exec 3<&0; (cat <&3 >/dev/null; exit 7) & echo $!; exit 3"
        let children = try (0..<5).map { _ in try ChildProcess.start("sh", ["-c", script], options)
        }
        var orphans: Set<Int32> = []
        for child in children {
            let orphan = Int32(try child.output!.readLine()!)!
            // Its own status is not taken for an orphan's.
            let status = try child.join()
            wait { Children.status(of: orphan)?[1] == "\(processID())" }
            orphans.insert(orphan)
            if status != .code(3) { print(status) }
        }
        print(orphans.count, ended.isEmpty)
        for child in children { child.input?.close() }
        var told: Set<Int32> = []
        for _ in children {
            let orphan = try ended.get()
            told.insert(orphan.pid)
            if orphan.status != .code(7) { print(orphan) }
        }
        print(told == orphans, orphans.allSatisfy { status(of: $0) == nil })
        // Nothing of ours is taken for one, in all these ways to start.
        for _ in 0..<100 { try ChildProcess.run("true").check() }
        let function = try spawn(.process, Nobody.self, 4)
        print(try function.join(), ended.isEmpty)
    }

    private enum Nobody: ProcessFunction {
        static func run(_ number: Int) throws -> Int { number }
    }
}

extension FileDescriptor {
    fileprivate var isOpen: Bool {
        guard let copy = try? duplicate() else { return false }
        try? copy.close()
        return true
    }
}
