import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// Runs `body` on a thread, with a manager.
@discardableResult
func withTestManager<Success: Sendable>(
    _ method: StartMethod = .forkServer, _ body: @escaping @Sendable (Manager) throws -> Success
) async throws -> Success {
    try await onThread { try withManager(name: "tested", method: method, body) }
}

@Suite(.timeLimit(.hang))
struct ManagerTests {
    // MP-075
    @Test(arguments: [StartMethod.forkServer, .spawn])
    func `calls of an own type run in the manager`(_ method: StartMethod) async throws {
        try await withTestManager(method) { manager in
            let counter = try manager.make(Counter.self, 5)
            #expect(try counter.call(Counter.Add(amount: 2)) == 7)
            #expect(try counter.call(Counter.Add(amount: 2)) == 9)
            #expect(try counter.call(Counter.Process()) == manager.pid)
            #expect(manager.pid != getpid())
            #expect(try Counter.callHidden(counter) == "hidden 9")
            #expect("\(manager)" == "Manager(tested, \(manager.pid))")
            #expect("\(counter)".hasPrefix("Managed<Counter>("))
        }
    }

    @Test func `private and local types serve as well`() async throws {
        try await withTestManager { manager in
            let words = (try tellSecret(manager, "psst"), try tellLocally(manager, "here"))
            #expect(words == ("psst", "here"))
        }
    }

    // MP-075
    @Test func `errors of calls are thrown by the caller`() async throws {
        try await withTestManager { manager in
            let counter = try manager.make(Counter.self, 5)
            #expect(throws: TooSmall(number: 5)) {
                try counter.call(Counter.Fail(isCodable: true))
            }
            let other = #expect(throws: RemoteError.self) {
                try counter.call(Counter.Fail(isCodable: false))
            }
            #expect(other?.type == "Unnamed")
            #expect(throws: TooSmall(number: -1)) { try manager.make(Counter.self, -1) }
            // It goes on.
            #expect(try counter.call(Counter.Add(amount: 0)) == 5)
        }
    }

    // MP-075
    @Test func `a call gives a reference to what goes on`() async throws {
        try await withTestManager { manager in
            let numbers = try manager.make(Counter.self, 3).call(Counter.CountDown())
            #expect(try numbers.call(Numbers.Next()) == 3)
            #expect(try numbers.call(Numbers.Next()) == 2)
            #expect(try numbers.call(Numbers.Next()) == 1)
            #expect(try numbers.call(Numbers.Next()) == nil)
            #expect(try numbers.call(Numbers.Next()) == nil)
            #expect(throws: ManagerError.notInManager) { try Managed(sharing: Numbers(1)) }
        }
    }

    // MP-075, MP-076
    @Test func `a manager ends with exit code 0`() async throws {
        try await onThread {
            let manager = try Manager.start()
            let counter = try manager.make(Counter.self, 5)
            #expect(try manager.shutDown() == .code(0))
            #expect(try manager.shutDown() == .code(0))
            let error = #expect(throws: ManagerDied.self) {
                try counter.call(Counter.Add(amount: 1))
            }
            #expect(error?.pid == manager.pid)
            #expect(error?.crash == nil)
        }
    }

    // MP-075
    @Test func `one that does not end by itself is ended by SIGTERM`() async throws {
        try await onThread {
            let manager = try Manager.start()
            let counter = try manager.make(Counter.self, 5)
            // Says not that it waits, and holds up everybody.
            let asleep = try counter.submit(Stall())
            #expect(try manager.shutDown(within: .milliseconds(20)) == .signal(.terminate))
            #expect(throws: ManagerDied.self) { try asleep.result() }
        }
    }

    // MP-076
    @Test func `the scoped form shuts down, also after an error`() async throws {
        try await onThread {
            var pid: Int32 = 0
            #expect(throws: Unnamed.self) {
                try withManager { manager in
                    pid = manager.pid
                    throw Unnamed()
                }
            }
            #expect(kill(pid, 0) == -1)
            let result = try withManager { manager in
                pid = manager.pid
                return try manager.make(Counter.self, 1).call(Counter.Add(amount: 1))
            }
            #expect(result == 2)
            #expect(kill(pid, 0) == -1)
        }
    }

    // MP-077
    @Test func `a manager that was started is used in a scope`() async throws {
        try await onThread {
            let manager = try Manager.start(name: "started")
            let counter = try manager.make(Counter.self, 1)
            let sum = try withManager(manager) { same in
                #expect(same === manager)
                return try counter.call(Counter.Add(amount: 1))
            }
            #expect(sum == 2)
            #expect(throws: ManagerDied.self) { try counter.call(Counter.Add(amount: 1)) }
            #expect(try manager.shutDown() == .code(0))
        }
    }

    @Test func `the process goes with the last that refers to it`() async throws {
        try await onThread {
            var list: ManagedList<Int>? = try Manager.start().list([1, 2])
            #expect(try list?.all() == [1, 2])
            let pid = try #require(list?.object.reference.process)
            list = nil
            while kill(pid, 0) == 0 { Strand.yield() }
        }
    }

    // MP-101
    @Test func `a manager ignores SIGINT`() async throws {
        try await withTestManager { manager in
            let counter = try manager.make(Counter.self, 5)
            for _ in 0..<10 { #expect(kill(manager.pid, SIGINT) == 0) }
            #expect(try counter.call(Counter.Add(amount: 1)) == 6)
        }
    }

    @Test func `a trap in a call fails those under way and later ones, and says why`() async throws
    {
        try await onThread {
            let manager = try Manager.start(name: "doomed")
            let counter = try manager.make(Counter.self, 41)
            let queue: ManagedQueue<Int> = try manager.queue(capacity: 1)
            let waiters = (0..<2).map { _ in spawn(.thread) { try queue.get() } }
            for waiter in waiters { while waiter.strand.currentWait == nil { Strand.yield() } }
            let start = ContinuousClock.now
            let error = #expect(throws: ManagerDied.self) { try counter.call(Counter.Trap()) }
            #expect(error?.name == "doomed")
            #expect(error?.pid == manager.pid)
            #expect(error?.crash?.message?.contains("count was 41") == true)
            for waiter in waiters { #expect(throws: ManagerDied.self) { try waiter.join() } }
            #expect(throws: ManagerDied.self) { try queue.put(1) }
            // Some milliseconds, on a machine that has nothing else to do.
            #expect(start.duration(to: .now) < .seconds(5))
            let status = try manager.shutDown()
            #expect(status?.isSuccess == false)
        }
    }

    @Test func `a manager that exits or is killed fails its calls`() async throws {
        try await onThread {
            let manager = try Manager.start()
            let counter = try manager.make(Counter.self, 41)
            #expect(throws: ManagerDied.self) { try counter.call(Counter.Quit(code: 3)) }
            let other = try Manager.start()
            let future = try other.make(Counter.self, 1).submit(
                Counter.Rest(duration: .seconds(3_600)))
            kill(other.pid, SIGKILL)
            let error = #expect(throws: ManagerDied.self) { try future.result() }
            #expect(error?.crash?.status == .signal(.kill))
        }
    }

    @Test func `a call that waits holds up no other`() async throws {
        try await withTestManager { manager in
            let counter = try manager.make(Counter.self, 1)
            let waiting = try counter.submit(Counter.Rest(duration: .seconds(3_600)))
            #expect(try counter.call(Counter.Add(amount: 1)) == 2)
            #expect(try counter.call(Counter.Rest(duration: .milliseconds(1))) == 2)
            #expect(!waiting.isDone)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a call is given up at its limit, or when its strand is cancelled`(
        _ kind: StrandKind
    ) async throws {
        try await withTestManager { manager in
            let counter = try manager.make(Counter.self, 1)
            try spawn(.thread) {
                try spawn(kind: kind) {
                    #expect(throws: TimedOut.self) {
                        try counter.call(
                            Counter.Rest(duration: .seconds(3_600)), within: .milliseconds(5))
                    }
                    Strand.current.cancel()
                    #expect(throws: CancellationError.self) {
                        try counter.call(Counter.Rest(duration: .seconds(3_600)))
                    }
                    let sum = try counter.call(Counter.Add(amount: 1))
                    #expect(sum == 2)
                }.join()
            }.join()
        }
    }

    @Test func `tasks make calls, and are cancelled`() async throws {
        let manager = try await Manager.start()
        let counter = try await manager.make(Counter.self, 5)
        let sums = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await counter.call(Counter.Add(amount: 1)) } }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(sums == Set(6...25))
        let task = Task { try await counter.call(Counter.Rest(duration: .seconds(3_600))) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await #expect(throws: TimedOut.self) {
            try await counter.call(
                Counter.Rest(duration: .seconds(3_600)), within: .milliseconds(5))
        }
        #expect(try await manager.shutDown() == .code(0))
    }

    @Test func `calls that are not waited for are made in their order`() async throws {
        try await withTestManager { manager in
            let counter = try manager.make(Counter.self, 0)
            let futures = try (0..<5_000).map { _ in try counter.submit(Counter.Add(amount: 1)) }
            #expect(try futures.map { try $0.result() } == Array(1...5_000))
        }
    }

    @Test func `who is told of a result may call`() async throws {
        try await withTestManager { manager in
            let counter = try manager.make(Counter.self, 0)
            let sums = Queue<Int>(capacity: 10)
            for _ in 0..<5 {
                let future = try counter.submit(Counter.Add(amount: 1))
                future.onCompletion { _ in
                    try sums.put(try counter.call(Counter.Add(amount: 10)))
                }
            }
            var found: [Int] = []
            while found.count < 5 { found.append(try sums.get()) }
            #expect(found.max() == 55)
        }
    }

    @Test func `strands of all kinds call at the same time`() async throws {
        try await withTestManager { manager in
            let counter = try manager.make(Counter.self, 0)
            let threads = (0..<4).map { index in
                spawn(.thread) {
                    if index % 2 == 0 {
                        for _ in 0..<250 { try counter.call(Counter.Add(amount: 1)) }
                    } else {
                        let fibers = (0..<5).map { _ in
                            spawn(.fiber) {
                                for _ in 0..<50 { try counter.call(Counter.Add(amount: 1)) }
                            }
                        }
                        for fiber in fibers { try fiber.join() }
                    }
                }
            }
            for thread in threads { try thread.join() }
            #expect(try counter.call(Counter.Add(amount: 0)) == 1_000)
        }
    }

    @Test(arguments: [nil, [0]] as [Set<Int>?])
    func `long values come and go, also when nobody waits for them`(
        _ processors: Set<Int>?
    ) async throws {
        try await onThread {
            var options = ChildProcess.Options.ofFunction
            options.processors = processors
            let counts = try spawn(
                .process, ExchangeLongValues.self, 10_000_000, method: .spawn, options: options
            ).join()
            #expect(counts == [10_000_000, 10_000_000] + Array(1_000_001...1_000_020))
        }
    }
}

/// Computes for an hour, as far as the manager can tell.
struct Stall: ManagedCall {
    func run(on counter: Counter) -> Int {
        sleep(3_600)
        return 0
    }
}

extension ManagedReference {
    var process: Int32? {
        if case .remote(let remote) = self { remote.client.identity.pid } else { nil }
    }
}

/// Starts a manager where it runs itself, and has longer calls under way than a socket holds.
enum ExchangeLongValues: ProcessFunction {
    static func run(_ count: Int) throws -> [Int] {
        try withManager(name: "near") { manager in
            let value = try manager.value([UInt8](repeating: 1, count: count))
            var counts = [try value.get().count]
            let futures = try (1...20).map { index in
                try value.object.submit(
                    ValueStore<[UInt8]>.Set(
                        value: [UInt8](repeating: 2, count: count / 10 + index)))
            }
            counts += try futures.map { try $0.result().count }
            return counts + [try value.get().count]
        }
    }
}
