import Foundation
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// What Python's `threading.Thread` promises, for threads and, where it has a meaning, fibers.
@Suite(.timeLimit(.hang))
struct ThreadTests {
    struct Failure: Error {}

    // TH-055, GV-258, GV-259, GV-260
    @Test(arguments: StrandKind.allCases, [nil, 262_144, 1 << 24])
    func `ten strands under a semaphore of three`(
        _ kind: StrandKind, _ stackSize: Int?
    ) async throws {
        try await onThread {
            let permits = CountingSemaphore(permits: 3)
            let inside = Box(0)
            let most = Box(0)
            let strands = (0..<10).map { number in
                spawn(kind: kind, name: "worker-\(number)", stackSize: stackSize) {
                    #expect(Strand.current.nativeID == kernelThreadID())
                    try permits.acquire()
                    let count = inside.update {
                        $0 += 1
                        return $0
                    }
                    most.update { $0 = max($0, count) }
                    try Strand.sleep(for: .microseconds(number * 10))
                    inside.update { $0 -= 1 }
                    permits.release()
                }
            }
            #expect(strands.map(\.name) == (0..<10).map { "worker-\($0)" })
            for strand in strands {
                try strand.join()
                #expect(!strand.isAlive)
                #expect(strand.strand.nativeID == nil)
            }
            #expect((1...3).contains(most.value))
            #expect(inside.value == 0)
            let left = Strand.all(within: .seconds(60))
            for strand in strands { #expect(!left.contains { $0 === strand.strand }) }
        }
    }

    // TH-054
    @Test(arguments: StrandKind.allCases)
    func `what a body captures reaches it unchanged`(_ kind: StrandKind) async throws {
        try await onThread {
            let arguments: [(Int, String)] = [(1, "one"), (2, "two")]
            let (number, list) = (7, [1, 2, 3])
            let seen = try spawn(kind: kind) { (number, list, arguments.map(\.1)) }.join()
            #expect(seen.0 == 7 && seen.1 == [1, 2, 3] && seen.2 == ["one", "two"])
        }
    }

    // TH-056
    @Test(arguments: StrandKind.allCases)
    func `a strand that the system refuses is not left in any list`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let handle = spawn(kind: kind, name: "refused", stackSize: 1 << 46) {}
            Strand.yield()
            #expect(throws: SystemError.self) { try handle.join() }
            let all = Strand.all(within: .seconds(60))
            #expect(!all.contains { $0 === handle.strand })
            #expect(handle.strand.nativeID == nil)
        }
    }

    // TH-061
    @Test(arguments: StrandKind.allCases)
    func `a body that throws lets go of what it captured`(_ kind: StrandKind) async throws {
        final class Held: Sendable {}
        try await onThread {
            var held: Held? = Held()
            weak let observed = held
            let handle = spawn(kind: kind) { [held] in
                withExtendedLifetime(held) {}
                throw Failure()
            }
            held = nil
            #expect(throws: Failure.self) { try handle.join() }
            while observed != nil { Strand.yield() }
            withExtendedLifetime(handle) {}
        }
    }

    // TH-072
    @Test(arguments: StrandKind.allCases)
    func `a strand that nobody joins leaves nothing`(_ kind: StrandKind) async throws {
        weak var strand: Strand?
        let ended = Event()
        strand = try await onThread {
            let handle = spawn(kind: kind) { ended.set() }
            try ended.wait()
            return handle.strand
        }
        while strand != nil { await Task.yield() }
    }

    // MARK: Who there is

    // TH-065
    @Test func `the main strand is that of the process's first thread`() async throws {
        #expect(Strand.main.name == "main")
        #expect(Strand.main.kind == .thread)
        #expect(!Strand.main.isDaemon)
        try await onThread {
            #expect(Strand.current !== Strand.main)
            #expect(Strand.current.nativeID != processID())
        }
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            // The runner's main thread has never waited in Plait.
            StandardStream.error.write(
                "\(Strand.main.nativeID == processID()) \(Strand.main.isAlive)")
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(output.contains("true true"))
    }

    // TH-044, TH-059
    @Test func `threads are listed while they are alive, and not after a join`() async throws {
        try await onThread {
            let goOn = Event()
            let threads = (0..<5).map { _ in spawn(.thread) { try goOn.wait() } }
            let during = Set(Strand.threads.map(\.id))
            #expect(during.isSuperset(of: threads.map(\.strand.id)))
            #expect(during.contains(Strand.current.id))
            goOn.set()
            for thread in threads {
                try thread.join()
                #expect(!Strand.threads.contains { $0 === thread.strand })
            }
        }
    }

    // GV-255, GV-256, GV-261
    @Test func `a thread of others' making is listed from its first wait to its end`() async throws
    {
        let number = Box<UInt64>(0)
        let mayEnd = Event()
        try startThread(name: "foreign") {
            let strand = Strand.current
            #expect(strand.kind == .thread && strand.isDaemon)
            #expect(strand.nativeID == kernelThreadID())
            number.set(strand.id)
            mayEnd.waitOnThread()
        }
        try await until { number.value != 0 }
        #expect(Strand.threads.contains { $0.id == number.value })
        mayEnd.set()
        try await until { !Strand.threads.contains { $0.id == number.value } }
    }

    @Test func `a fiber's number is its thread's`() async throws {
        try await onThread {
            let thread = try #require(Strand.current.nativeID)
            let fiber = spawn(.fiber) { Strand.current.nativeID }
            #expect(fiber.strand.nativeID == thread)
            #expect(try fiber.join() == thread)
            #expect(fiber.strand.nativeID == nil)
        }
    }

    // TH-062
    @Test(arguments: StrandKind.allCases)
    func `a strand is no daemon unless it is said so`(_ kind: StrandKind) async throws {
        try await onThread {
            for isDaemon in [true, false] {
                let handle = spawn(kind: kind, isDaemon: isDaemon) { Strand.current.isDaemon }
                let seen = try handle.join()
                #expect(seen == isDaemon)
            }
            #expect(!spawn(kind: kind) {}.strand.isDaemon)
        }
    }

    @Test(arguments: [
        ("short", "short"), ("exactly-fifteen", "exactly-fifteen"),
        ("more than fifteen bytes", "more than fifte"),
        ("vierzehn Byte ä und mehr", "vierzehn Byte "),
    ])
    func `the kernel has the thread's name, as far as it fits`(
        _ name: String, _ kept: String
    ) async throws {
        try await onThread {
            let seen = try spawn(.thread, name: name) {
                try String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
            }.join()
            #expect(seen == kept + "\n")
        }
    }
}

extension Event {
    /// For a thread that is no task, whatever the compiler thinks.
    fileprivate func waitOnThread() { try? wait() }
}
