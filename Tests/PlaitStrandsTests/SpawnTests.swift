import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

struct SpawnTests {
    struct Failure: Error, Equatable { let number: Int }

    @Test(arguments: StrandKind.allCases)
    func `a strand runs its body once, as the kind that was asked for`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let runs = Box(0)
            let strand = try spawn(kind: kind) {
                runs.update { $0 += 1 }
                return Strand.current
            }.join()
            #expect(runs.value == 1)
            #expect(strand.kind == kind)
            #expect(strand !== Strand.current)
        }
    }

    @Test func `the words say the kind`() async throws {
        try await onThread {
            let fiber = try spawn(.fiber) { Strand.current.kind }.join()
            #expect(fiber == .fiber)
            let thread = try spawn(.thread) { Strand.current.kind }.join()
            #expect(thread == .thread)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a strand has the name it was given, or its kind and number`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let named = spawn(kind: kind, name: "reader") { Strand.current.name }
            #expect(named.name == "reader")
            #expect(try named.join() == "reader")
            let unnamed = spawn(kind: kind) {}
            #expect(unnamed.name == "\(kind.rawValue)-\(unnamed.strand.id)")
            try unnamed.join()
            #expect(named.strand.id != unnamed.strand.id)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a strand is alive until its body has ended`(_ kind: StrandKind) async throws {
        try await onThread {
            let goOn = Event()
            let handle = spawn(kind: kind) { try goOn.wait() }
            #expect(handle.isAlive)
            Strand.yield()
            #expect(handle.isAlive)
            goOn.set()
            try handle.join()
            #expect(!handle.isAlive)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a strand is a daemon if it was said so`(_ kind: StrandKind) async throws {
        try await onThread {
            let daemon = spawn(kind: kind, isDaemon: true) {}
            let other = spawn(kind: kind) {}
            #expect(daemon.strand.isDaemon)
            #expect(!other.strand.isDaemon)
            try daemon.join()
            try other.join()
        }
    }

    @Test func `fibers start when their maker waits, in the order of spawning`() async throws {
        try await onThread {
            var order: [Int] = []
            let handles = (1...200).map { number in spawn(.fiber) { order.append(number) } }
            order.append(0)
            for handle in handles { try handle.join() }
            #expect(order == Array(0...200))
        }
    }

    @Test func `a fiber that a fiber starts comes after those that are ready`() async throws {
        try await onThread {
            var order: [String] = []
            var inner: JoinHandle<Void>?
            let first = spawn(.fiber) {
                order.append("first")
                inner = spawn(.fiber) { order.append("inner") }
            }
            let second = spawn(.fiber) { order.append("second") }
            try first.join()
            try second.join()
            try inner?.join()
            #expect(order == ["first", "second", "inner"])
        }
    }

    @Test func `fibers run on the thread that started them`() async throws {
        try await onThread {
            let thread = kernelThreadID()
            let fibers = (0..<10).map { _ in
                spawn(.fiber) {
                    var seen = [kernelThreadID()]
                    try Strand.sleep(for: .microseconds(100))
                    seen.append(kernelThreadID())
                    return seen
                }
            }
            for fiber in fibers {
                let seen = try fiber.join()
                #expect(seen == [thread, thread])
            }
            let other = try spawn(.thread) { kernelThreadID() }.join()
            #expect(other != thread)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a stack of its own size holds what needs it`(_ kind: StrandKind) async throws {
        try await onThread {
            // Each level takes more than 512 bytes: 2 MB in all, and as much again in debug.
            let depth = try spawn(kind: kind, stackSize: 16 << 20) {
                Recursion.descend(to: 4_000)
            }.join()
            #expect(depth == 4_000)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a strand that cannot be started has ended with the system's error`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let handle = spawn(kind: kind, name: "giant", stackSize: 1 << 46) {
                Issue.record("a strand started on a stack that cannot be had")
            }
            Strand.yield()
            #expect(!handle.isAlive)
            #expect(throws: SystemError.self) { try handle.join() }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `what a body captures goes when it has ended, though its handle is kept`(
        _ kind: StrandKind
    ) async throws {
        final class Held: Sendable {}
        try await onThread {
            var held: Held? = Held()
            weak let observed = held
            let handle = spawn(kind: kind) { [held] in withExtendedLifetime(held) {} }
            held = nil
            try handle.join()
            // A thread drops it just after it has said that it ended.
            while observed != nil { Strand.yield() }
            #expect(!handle.isAlive)
        }
    }

    @Test func `a fiber for a hub that has ended ends with an error`() async throws {
        try await onThread {
            let background = try Hub.start(name: "short-lived")
            try background.stop()
            let late = spawn(.fiber, on: background.hub) { 1 }
            #expect(throws: HubEnded.self) { try late.join() }
        }
    }

    @Test func `an absurd stack size is an error of the system's`() async throws {
        try await onThread {
            let huge = spawn(.fiber, stackSize: .max) { 1 }
            #expect(throws: SystemError.self) { try huge.join() }
        }
    }
}
