internal import Glibc
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands

/// Work that copies of this process share.
enum ParallelCases {
    private struct Refused: Error, Codable { let number: Int }
    private struct Plain: Error {}

    /// What no other process could be sent.
    private final class Table {
        let rows: [Int: () -> String]
        var looks = 0
        init(_ count: Int) {
            rows = Dictionary(
                uniqueKeysWithValues: (0..<count).map { number in (number, { "row \(number)" }) })
        }
    }

    static func run(_ name: String) throws {
        switch name {
        case "order": try order()
        case "copies": try copies()
        case "large": try large()
        case "errors": try errors()
        case "crash": try crash()
        case "options": try options()
        case "fibers": try fibers()
        case "threads": try threads()
        default: fatalError("no such case")
        }
        // No child is left, not even a zombie.
        print("left", waitpid(-1, nil, WNOHANG) == -1 && errno == ECHILD ? 0 : 1)
    }

    private static func order() throws {
        let expected = (0..<1_000).map { "\($0)" }
        for chunkSize in [nil, 1, 7, 1_000, 5_000] {
            for processes in [1, 3] {
                let words = try parallelMap(0..<1_000, processes: processes, chunkSize: chunkSize) {
                    "\($0)"
                }
                print(words == expected, terminator: " ")
            }
        }
        print(try parallelMap([Int]()) { $0 }, try parallelMap([4]) { 2 * $0 })
    }

    /// They see what is here, and change what is theirs.
    private static func copies() throws {
        let table = Table(100)
        let rows = try parallelMap(0..<100, processes: 2) { number in
            table.looks += 1
            return table.rows[number]!()
        }
        print(rows == (0..<100).map { "row \($0)" }, table.looks)
        let pids = try parallelMap(0..<8, processes: 2, chunkSize: 1) { _ in
            try Strand.sleep(for: .milliseconds(5))
            return getpid()
        }
        print(Set(pids).count <= 2 && !pids.contains(getpid()))
    }

    /// Larger than what a socket holds, from all at the same time.
    private static func large() throws {
        let arrays = try parallelMap(0..<12, processes: 4, chunkSize: 2) { number in
            [UInt8](repeating: UInt8(number), count: 3_000_000 + number)
        }
        print(
            arrays.enumerated().allSatisfy { number, array in
                array.count == 3_000_000 + number && array.allSatisfy { $0 == UInt8(number) }
            })
    }

    private static func errors() throws {
        for isCoded in [true, false] {
            do {
                // The others would rest for an hour.
                _ =
                    try parallelMap(0..<4, processes: 2, chunkSize: 1) { number in
                        if number != 1 { try Strand.sleep(for: .seconds(3_600)) }
                        if isCoded { throw Refused(number: number) } else { throw Plain() }
                    } as [Int]
            } catch let error as RemoteError {
                print(error.type, error.message, error.process.hasPrefix("parallelMap-"))
            } catch {
                print(error)
            }
        }
    }

    private static func crash() throws {
        do {
            _ = try parallelMap(0..<2, processes: 2, chunkSize: 1) { number in
                if number == 0 { try Strand.sleep(for: .seconds(3_600)) }
                kill(getpid(), SIGKILL)
                return 0
            }
        } catch let crash as WorkerCrashed {
            print(crash.name.hasPrefix("parallelMap-"), crash.status)
        }
    }

    private static func options() throws {
        var options = ChildProcess.Options.ofFunction
        options.workingDirectory = "/proc"
        print(try parallelMap(0..<1, options: options) { _ in Processes.currentDirectory ?? "" })
    }

    /// Those of the caller's thread go on, and a cancellation ends all.
    private static func fibers() throws {
        let ticker = spawn(.fiber) {
            var ticks = 0
            while ticks < 3 {
                try Strand.sleep(for: .milliseconds(1))
                ticks += 1
            }
            Strand.main.cancel()
            return ticks
        }
        do {
            _ = try parallelMap(0..<2, processes: 2) { _ in
                try Strand.sleep(for: .seconds(3_600))
                return 0
            }
        } catch {
            print(type(of: error))
        }
        print(try ticker.join())
    }

    private static func threads() throws {
        let thread = spawn(.thread, name: "second") { try Strand.sleep(for: .seconds(60)) }
        // It names itself when it has begun.
        while !Processes.threadNames().contains("second") { Strand.yield() }
        do {
            _ = try parallelMap(0..<2) { $0 }
        } catch let refusal as MultiThreadedFork {
            print(refusal.threads, refusal.names.contains("second"))
        }
        thread.cancel()
    }
}
