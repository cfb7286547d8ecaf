internal import Glibc
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync

/// A fork that Plait does not know of, as a C library's daemon(3) makes.
@_silgen_name("fork") private func rawFork() -> Int32

/// Children that are deaf, stopped, loud or left behind, and surroundings that are not as usual.
enum Hostile {
    static func run(_ name: String, _ method: StartMethod) throws {
        switch name {
        case "deaf daemon": try deafDaemon(method)
        case "stopped daemon": try stoppedDaemon(method)
        case "grandchild": try grandchild(method)
        case "loud": try loud(method)
        case "ignored": try ignored(method)
        case "reaped": try reaped()
        case "dropped": try dropped()
        case "joined": try joined()
        case "standard": try standard(method)
        case "worker": try worker()
        case "words": print("the program's own main")
        default: fatalError("no such case")
        }
    }

    /// Ignores SIGTERM.
    private enum Deaf: ProcessFunction {
        static func run(_ hears: ProcessEvent) throws -> Nothing {
            _ = signal(SIGTERM, SIG_IGN)
            hears.set()
            while true { pause() }
        }
    }

    private static func startDeaf(_ method: StartMethod) throws -> Int32 {
        let isDeaf = try ProcessEvent()
        let handle = try spawn(.process, Deaf.self, isDeaf, method: method, isDaemon: true)
        try isDeaf.wait()
        print(handle.pid)
        return handle.pid
    }

    private static func deafDaemon(_ method: StartMethod) throws { _ = try startDeaf(method) }

    private static func stoppedDaemon(_ method: StartMethod) throws {
        kill(try startDeaf(method), SIGSTOP)
    }

    /// Leaves a process that holds all that it had, and ends.
    private enum Leave: ProcessFunction {
        struct Plan: Codable, Sendable {
            let returns: Bool
            let pid: SharedValue<Int32>
        }

        static func run(_ plan: Plan) throws -> Int {
            let pid = rawFork()
            if pid == 0 { while true { pause() } }
            try plan.pid.store(pid)
            if plan.returns { return 7 }
            abort()
        }
    }

    private static func grandchild(_ method: StartMethod) throws {
        for returns in [true, false] {
            let plan = Leave.Plan(returns: returns, pid: try SharedValue(0))
            let handle = try spawn(.process, Leave.self, plan, method: method)
            do {
                print(try handle.join())
            } catch let crash as WorkerCrashed {
                print("crash", crash.status)
            }
            let pid = try plan.pid.load()
            print("left behind:", kill(pid, 0) == 0)
            kill(pid, SIGKILL)
        }
    }

    private enum Shout: ProcessFunction {
        static func run(_ bytes: Int) throws -> Int {
            StandardStream.error.write([UInt8](repeating: 0x61, count: bytes))
            return bytes
        }
    }

    /// Nobody reads this program's standard error.
    private static func loud(_ method: StartMethod) throws {
        print(try spawn(.process, Shout.self, 1 << 20, method: method).join())
        print(try spawn(.process, Shout.self, 1, method: method).join())
    }

    private enum Double: ProcessFunction {
        static func run(_ number: Int) throws -> Int { 2 * number }
    }

    private static func ignored(_ method: StartMethod) throws {
        _ = signal(SIGCHLD, SIG_IGN)
        print(try (0..<5).map { try spawn(.process, Double.self, $0, method: method).join() })
        if method == .fork {
            print(try (0..<20).count { _ in try ChildProcess.fork {}.join() == .lost })
        } else {
            print(try (0..<20).count { _ in try ChildProcess.start("true").join() == .lost })
        }
    }

    /// A C library takes the status of all children.
    private static func reaped() throws {
        spawn(.thread, isDaemon: true) {
            var status: Int32 = 0
            while true {
                let pid = unsafe waitpid(-1, &status, 0)
                if pid < 0 { sched_yield() }
            }
        }
        var others = 0
        for _ in 0..<100 {
            let status = try ChildProcess.start("true").join()
            if status != .lost && status != .code(0) { others += 1 }
        }
        print(others)
    }

    private static func descriptorCount() -> Int {
        (0..<1_024).count { fcntl($0, F_GETFD) >= 0 }
    }

    /// Handles of forks that nobody keeps.
    private static func dropped() throws {
        try spawn(.process, Double.self, 1, method: .fork).join()
        let before = descriptorCount()
        for number in 0..<50 {
            let pid = try spawn(.process, Double.self, number, method: .fork).pid
            var info = unsafe siginfo_t()
            // Its end is noticed with the next one.
            unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT)
        }
        try spawn(.process, Double.self, 1, method: .fork).join()
        print(descriptorCount() - before)
    }

    /// Forks as soon as the last thread was joined.
    private static func joined() throws {
        var refused = 0
        for _ in 0..<200 {
            try spawn(.thread) {}.join()
            do { try ChildProcess.fork {}.join() } catch is MultiThreadedFork { refused += 1 }
        }
        print(refused)
    }

    /// Does without the signal that comes with the program's end, as a process that changes its
    /// user does.
    private enum Forsake: ProcessFunction {
        static func run(_ nothing: Nothing) throws -> Int32 {
            _ = try Processes.followParent(getppid(), with: Signal(number: 0))
            return getpid()
        }
    }

    /// The program is killed while its worker waits for tasks.
    private static func worker() throws {
        let pool = try ProcessPool(workers: 1)
        StandardStream.output.write("\(try pool.apply(Forsake.self, Nothing()))\n")
        kill(getpid(), SIGKILL)
    }

    private enum Streams: ProcessFunction {
        static func run(_ nothing: Nothing) throws -> [String] { targets() }
    }

    private static func targets() -> [String] {
        (0..<3).map { number in
            var path = [UInt8](repeating: 0, count: 256)
            let count = unsafe path.withUnsafeMutableBytes {
                unsafe readlink(
                    "/proc/self/fd/\(number)", $0.bindMemory(to: CChar.self).baseAddress!, 256)
            }
            return String(decoding: path.prefix(max(count, 0)), as: UTF8.self)
        }
    }

    /// Was started without standard streams. Exits with 0 if nothing took their place.
    private static func standard(_ method: StartMethod) throws {
        _ = try Connection.pair()
        let childs = try spawn(.process, Streams.self, Nothing(), method: method).join()
        let own = targets()
        let null = "/dev/null"
        // The child's words go to this program by a pipe.
        let isError = childs[2] == null || childs[2].hasPrefix("pipe:")
        exit(own == [null, null, null] && childs[..<2] == [null, null] && isError ? 0 : 1)
    }
}
