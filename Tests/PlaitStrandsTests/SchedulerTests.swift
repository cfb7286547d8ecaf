import PlaitParking
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct SchedulerTests {
    /// A clock that stands until it is set. Its delays are hours: nothing here waits for them.
    private final class Hours: Sendable {
        private let start = ContinuousClock.now
        private let passed = Box(0)
        func at(_ hour: Int) -> ContinuousClock.Instant {
            start.advanced(by: .seconds(hour * 3_600))
        }
        var now: ContinuousClock.Instant { at(passed.value) }
        func set(_ hour: Int) { passed.set(hour) }
    }

    // TH-101
    @Test func `entries run in the order of their times`() async throws {
        try await onThread {
            let hours = Hours()
            hours.set(100)
            let scheduler = Scheduler { hours.now }
            let ran = Box<[Int]>([])
            for hour in [5, 1, 4, 2, 3] {
                scheduler.enter(at: hours.at(hour)) { ran.update { $0.append(hour) } }
            }
            let rest = try scheduler.run()
            #expect(rest == nil)
            #expect(ran.value == [1, 2, 3, 4, 5])
        }
    }

    @Test func `equal times run by priority, then in the order of entering`() async throws {
        try await onThread {
            let hours = Hours()
            let scheduler = Scheduler { hours.now }
            let ran = Box<[Int]>([])
            for (number, priority) in [2, 1, 2, 0, 1].enumerated() {
                scheduler.enter(after: .zero, priority: priority) {
                    ran.update { $0.append(number) }
                }
            }
            try scheduler.run()
            #expect(ran.value == [3, 1, 4, 0, 2])
        }
    }

    // TH-102
    @Test(arguments: WaiterKind.allCases)
    func `entries may be added while another waits for the next`(_ kind: WaiterKind) async throws {
        let hours = Hours()
        let scheduler = Scheduler { hours.now }
        let ran = Queue<Int>(capacity: 10)
        let add = { @Sendable (hour: Int) in
            _ = scheduler.enter(at: hours.at(hour)) { _ = try ran.tryPut(hour) }
        }
        add(10)
        add(30)
        let runner = kind.start {
            try scheduler.run()
        } task: {
            try await scheduler.run()
        }
        try await runner.untilParked()
        add(20)
        add(5)
        hours.set(7)
        scheduler.clockChanged()
        #expect(try await ran.get() == 5)
        add(6)
        #expect(try await ran.get() == 6)
        hours.set(20)
        scheduler.clockChanged()
        #expect(try await ran.get() == 10)
        #expect(try await ran.get() == 20)
        hours.set(30)
        scheduler.clockChanged()
        #expect(try await ran.get() == 30)
        #expect(try await runner.value() == nil)
        #expect(ran.isEmpty)
    }

    // TH-103
    @Test(arguments: WaiterKind.allCases)
    func `entries may be cancelled while another waits for the next`(
        _ kind: WaiterKind
    ) async throws {
        let hours = Hours()
        let scheduler = Scheduler { hours.now }
        let ran = Queue<Int>(capacity: 10)
        let entries = (1...5).map { hour in
            scheduler.enter(at: hours.at(hour)) { _ = try ran.tryPut(hour) }
        }
        let runner = kind.start {
            try scheduler.run()
        } task: {
            try await scheduler.run()
        }
        try await runner.untilParked()
        #expect(scheduler.cancel(entries[0]))
        #expect(scheduler.cancel(entries[4]))
        hours.set(3)
        scheduler.clockChanged()
        #expect(try await ran.get() == 2)
        #expect(try await ran.get() == 3)
        // The last one: with it gone, nothing is left to wait for.
        #expect(scheduler.cancel(entries[3]))
        #expect(!scheduler.cancel(entries[3]))
        #expect(!scheduler.cancel(entries[1]))
        #expect(try await runner.value() == nil)
        #expect(ran.isEmpty)
    }

    // TH-104
    @Test func `of equal entries, the one that is cancelled goes`() async throws {
        try await onThread {
            let hours = Hours()
            let scheduler = Scheduler { hours.now }
            let ran = Box<[Int]>([])
            let entries = (0..<5).map { number in
                scheduler.enter(after: .zero, priority: 1) { ran.update { $0.append(number) } }
            }
            #expect(scheduler.cancel(entries[2]))
            try scheduler.run()
            #expect(ran.value == [0, 1, 3, 4])
        }
    }

    // TH-105
    @Test func `it is empty when nothing waits to run`() async throws {
        try await onThread {
            let hours = Hours()
            let scheduler = Scheduler { hours.now }
            #expect(scheduler.isEmpty)
            let entry = scheduler.enter(after: .zero) { #expect(scheduler.isEmpty) }
            #expect(!scheduler.isEmpty)
            scheduler.cancel(entry)
            #expect(scheduler.isEmpty)
            scheduler.enter(after: .zero) { #expect(scheduler.isEmpty) }
            try scheduler.run()
            #expect(scheduler.isEmpty)
        }
    }

    // TH-106
    @Test func `the queue lists entries in the order of running`() {
        let hours = Hours()
        let scheduler = Scheduler { hours.now }
        var entries: [Int: Scheduler.Entry] = [:]
        for hour in [5, 1, 3] { entries[hour] = scheduler.enter(at: hours.at(hour)) {} }
        let late = scheduler.enter(at: hours.at(3), priority: 7) {}
        let early = scheduler.enter(at: hours.at(3), priority: -7) {}
        #expect(scheduler.queue == [entries[1]!, early, entries[3]!, late, entries[5]!])
        #expect(scheduler.queue[1].priority == -7)
        #expect(scheduler.queue[4].time == hours.at(5))
    }

    // TH-107
    @Test func `without blocking only what is due runs`() async throws {
        try await onThread {
            let hours = Hours()
            let scheduler = Scheduler { hours.now }
            let ran = Box<[Int]>([])
            for hour in [10, 9, 8, 7, 6] {
                scheduler.enter(at: hours.at(hour)) { ran.update { $0.append(hour) } }
            }
            let rest2 = try scheduler.run(blocking: false)
            #expect(rest2 == hours.at(6))
            #expect(ran.value.isEmpty)
            hours.set(8)
            let rest3 = try scheduler.run(blocking: false)
            #expect(rest3 == hours.at(9))
            #expect(ran.value == [6, 7, 8])
            hours.set(50)
            let rest4 = try scheduler.run(blocking: false)
            #expect(rest4 == nil)
            #expect(ran.value == [6, 7, 8, 9, 10])
        }
    }

    @Test func `an entry that throws leaves the rest to the next run`() async throws {
        struct Failure: Error {}
        try await onThread {
            let hours = Hours()
            let scheduler = Scheduler { hours.now }
            let ran = Box(0)
            scheduler.enter(after: .zero) { throw Failure() }
            scheduler.enter(after: .zero) { ran.set(1) }
            #expect(throws: Failure.self) { try scheduler.run() }
            #expect(ran.value == 0)
            try scheduler.run()
            #expect(ran.value == 1)
        }
    }

    @Test func `an entry may enter others, which run too`() async throws {
        try await onThread {
            let scheduler = Scheduler()
            let ran = Box<[Int]>([])
            scheduler.enter(after: .milliseconds(1)) {
                ran.update { $0.append(1) }
                scheduler.enter(after: .milliseconds(1)) { ran.update { $0.append(2) } }
            }
            try scheduler.run()
            #expect(ran.value == [1, 2])
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `a cancelled runner leaves what is entered`(_ kind: WaiterKind) async throws {
        let scheduler = Scheduler()
        scheduler.enter(after: .seconds(3_600)) {}
        let runner = kind.start {
            try scheduler.run()
        } task: {
            try await scheduler.run()
        }
        try await runner.untilParked()
        runner.cancel()
        await #expect(throws: CancellationError.self) { try await runner.value() }
        #expect(scheduler.queue.count == 1)
    }
}
