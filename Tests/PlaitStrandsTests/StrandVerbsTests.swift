import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

struct StrandVerbsTests {
    @Test func `fibers wake in the order of their deadlines`() async throws {
        try await onThread {
            var order: [Int] = []
            let start = Deadline.now
            let fibers = [3, 1, 4, 2].map { milliseconds in
                spawn(.fiber) {
                    try Strand.sleep(
                        until: start.advanced(by: UInt64(milliseconds) * 1_000_000))
                    order.append(milliseconds)
                }
            }
            for fiber in fibers { try fiber.join() }
            #expect(order == [1, 2, 3, 4])
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a sleep never ends early`(_ kind: StrandKind) async throws {
        try await onThread {
            let strands = (0..<20).map { number in
                spawn(kind: kind) {
                    let deadline = Deadline.now.advanced(by: UInt64(number) * 100_000)
                    try Strand.sleep(until: deadline)
                    #expect(Deadline.now >= deadline)
                }
            }
            for strand in strands { try strand.join() }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a sleep of nothing, or less, only lets others run`(_ kind: StrandKind) async throws {
        try await onThread {
            try spawn(kind: kind) {
                try Strand.sleep(for: .zero)
                try Strand.sleep(for: .seconds(-1))
                try Strand.sleep(until: .immediate)
                try Strand.sleep(until: Deadline(nanoseconds: 1))
            }.join()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a sleep for ever is ended by cancelling`(_ kind: StrandKind) async throws {
        try await onThread {
            let handle = spawn(kind: kind) { try Strand.sleep(until: .never) }
            handle.cancel()
            #expect(throws: CancellationError.self) { try handle.join() }
        }
    }

    @Test func `fibers that yield take turns`() async throws {
        try await onThread {
            var order: [Int] = []
            let fibers = (0..<3).map { number in
                spawn(.fiber) {
                    for _ in 0..<100 {
                        order.append(number)
                        Strand.yield()
                    }
                }
            }
            for fiber in fibers { try fiber.join() }
            #expect(order == (0..<300).map { $0 % 3 })
        }
    }

    @Test func `a thread that yields runs its fibers`() async throws {
        try await onThread {
            // Without a hub it lets other threads run.
            Strand.yield()
            var hasRun = false
            let fiber = spawn(.fiber) { hasRun = true }
            #expect(!hasRun)
            Strand.yield()
            #expect(hasRun)
            try fiber.join()
        }
    }

    @Test func `a yield alone returns at once`() async throws {
        try await onThread {
            try spawn(.fiber) { for _ in 0..<1_000 { Strand.yield() } }.join()
        }
    }

    @Test func `all strands are listed while they are alive`() async throws {
        try await onThread {
            let goOn = Event()
            let handles =
                StrandKind.allCases.map { kind in
                    spawn(kind: kind, name: "listed-\(kind.rawValue)") { try goOn.wait() }
                } + [
                    spawn(.fiber, on: SharedHubs.first, name: "listed-afar") { try goOn.wait() }
                ]
            let all = Strand.all(within: .seconds(60))
            for handle in handles { #expect(all.contains { $0 === handle.strand }) }
            #expect(all.contains { $0 === Strand.current })
            goOn.set()
            for handle in handles { try handle.join() }
            let left = Strand.all(within: .seconds(60))
            for handle in handles { #expect(!left.contains { $0 === handle.strand }) }
        }
    }

    @Test func `waits say who waits for what since when`() async throws {
        try await onThread {
            let before = Deadline.now
            let queue = Queue<Int>(capacity: 1)
            let getter = spawn(.fiber, name: "getter") { _ = try queue.get() }
            let sleeper = spawn(.fiber, name: "sleeper") { try Strand.sleep(for: .seconds(600)) }
            let parked = Event()
            let thread = spawn(.thread, name: "thread") {
                parked.set()
                try queue.put(1)
                try queue.put(2)
                try queue.put(3)
            }
            try parked.wait()
            Strand.yield()
            while thread.strand.currentWait == nil { Strand.yield() }
            let waits = Strand.waits(within: .seconds(60))
            let atGetter = waits.first { $0.strand === getter.strand }
            #expect(atGetter == nil, "the thread's item has reached it")
            let asleep = try #require(waits.first { $0.strand === sleeper.strand })
            #expect(asleep.verb == "Strand.sleep")
            #expect(asleep.object == nil)
            let putting = try #require(waits.first { $0.strand === thread.strand })
            #expect(putting.verb == "Queue.put")
            #expect(putting.object == ObjectIdentifier(queue))
            #expect(putting.since >= before && putting.since <= .now)
            #expect("\(putting)".hasPrefix("thread: Queue.put on the one at PlaitStrandsTests/"))
            sleeper.cancel()
            for _ in 0..<2 { _ = try queue.get() }
            try thread.join()
            try getter.join()
            try? sleeper.join()
        }
    }

    @Test func `a hub that computes is left out when the limit has passed`() async throws {
        try await onThread {
            let isBusy = Event()
            let mayEnd = Event()
            let busy = spawn(.thread) {
                let fiber = spawn(.fiber, name: "hidden") { try mayEnd.wait() }
                Strand.yield()
                isBusy.set()
                while !mayEnd.isSet { yieldThread() }
                try fiber.join()
            }
            try isBusy.wait()
            let found = Strand.all(within: .milliseconds(1))
            #expect(!found.contains { $0.name == "hidden" })
            #expect(found.contains { $0 === busy.strand })
            mayEnd.set()
            try busy.join()
        }
    }
}
