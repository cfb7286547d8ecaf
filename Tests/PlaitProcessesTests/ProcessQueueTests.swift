import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// Puts numbers from a place on.
enum PutNumbers: ProcessFunction {
    struct Plan: Codable, Sendable {
        let queue: ProcessQueue<Int>
        let numbers: Range<Int>
    }

    static func run(_ plan: Plan) throws -> Nothing {
        for number in plan.numbers { try plan.queue.put(number) }
        return Nothing()
    }
}

/// Gets until the end, and says what it got.
enum GetNumbers: ProcessFunction {
    static func run(_ queue: ProcessQueue<Int>) throws -> [Int] {
        var numbers: [Int] = []
        do {
            while true {
                numbers.append(try queue.get())
                queue.taskDone()
            }
        } catch QueueError.shutDown {
            return numbers
        }
    }
}

/// Puts and gets until it is killed.
enum Disturb: ProcessFunction {
    struct Plan: Codable, Sendable {
        let queue: ProcessQueue<[UInt8]>
        let started: SharedMemory
        let puts: Bool
    }

    static func run(_ plan: Plan) throws -> Nothing {
        plan.started.store(UInt8(1), at: 0)
        var number: UInt8 = 0
        while true {
            number &+= 1
            if plan.puts {
                try plan.queue.put([UInt8](repeating: number, count: Int(number) * 40))
            } else {
                _ = try plan.queue.get()
            }
        }
    }
}

enum UseOwnQueue: ProcessFunction {
    static func run(_ count: Int) throws -> [Int] {
        let queue = try ProcessQueue<Int>()
        for number in 0..<count { try queue.put(number) }
        try queue.shutDown()
        return try (0..<count).map { _ in try queue.get() }
    }
}

@Suite(.timeLimit(.hang))
struct ProcessQueueTests {
    // MP-019, MP-021
    @Test func `first in, first out; a limit that passes says empty`() async throws {
        try await onThread {
            let queue = try ProcessQueue<String>()
            for word in ["a", "", "ä"] { try queue.put(word) }
            #expect(queue.count == 3)
            let words = try [queue.get(), queue.get(), queue.get()]
            #expect(words == ["a", "", "ä"])
            #expect(queue.isEmpty)
            #expect(throws: TimedOut.self) { try queue.get(within: .milliseconds(2)) }
            let none = try queue.tryGet()
            #expect(none == nil)
        }
    }

    // MP-018
    @Test func `with six places the seventh waits, and says full`() async throws {
        try await onThread {
            let queue = try ProcessQueue<Int>(capacity: 6)
            for number in 0..<6 { try queue.put(number) }
            #expect(queue.isFull)
            #expect(try !queue.put(6, within: .milliseconds(2)))
            let isPut = try queue.tryPut(6)
            #expect(!isPut)
            let waiting = spawn(.thread) { try queue.put(6) }
            let first = try queue.get()
            try waiting.join()
            let rest = try (0..<6).map { _ in try queue.get() }
            #expect([first] + rest == Array(0..<7))
        }
    }

    @Test func `bytes run out before places do`() async throws {
        try await onThread {
            let queue = try ProcessQueue<[UInt8]>(bytes: 4_096)
            let item = [UInt8](repeating: 1, count: 1_000)
            var count = 0
            while try queue.tryPut(item) { count += 1 }
            #expect(count == 4)
            // The ring goes round many times, and items over its end.
            for round in 0..<100 {
                let item = [UInt8](repeating: UInt8(round), count: 900 + round)
                _ = try queue.get()
                try queue.put(item)
            }
            var last: [UInt8] = []
            while let next = try queue.tryGet() { last = next }
            #expect(last == [UInt8](repeating: 99, count: 999))
            #expect(throws: ProcessQueueError.tooLong(size: 4_089, limit: 4_088)) {
                try queue.put([UInt8](repeating: 1, count: 4_089))
            }
            try queue.put([UInt8](repeating: 1, count: 4_088))
            let longest = try queue.get()
            #expect(longest.count == 4_088)
        }
    }

    // MP-020, MP-122
    @Test(arguments: [StartMethod.forkServer, .spawn])
    func `each item of many writers comes to one of many readers`(
        _ method: StartMethod
    ) async throws {
        let (lists, unfinished) = try await onThread {
            let queue = try ProcessQueue<Int>(capacity: 64)
            let readers = try (0..<2).map { _ in
                try spawn(.process, GetNumbers.self, queue, method: method)
            }
            let writers = try (0..<2).map { index in
                try spawn(
                    .process, PutNumbers.self,
                    .init(queue: queue, numbers: index * 5_000..<(index + 1) * 5_000),
                    method: method)
            }
            for writer in writers { try writer.join() }
            try queue.join()
            try queue.shutDown()
            return (try readers.map { try $0.join() }, queue.unfinishedCount)
        }
        #expect(Array(lists.joined()).sorted() == Array(0..<10_000))
        for list in lists {
            // In order, from each writer.
            for range in [0..<5_000, 5_000..<10_000] {
                let own = list.filter(range.contains)
                #expect(own == own.sorted())
            }
        }
        #expect(unfinished == 0)
    }

    @Test(arguments: WaiterKind.allCases)
    func `threads, fibers and tasks wait for items`(_ kind: WaiterKind) async throws {
        let queue = try ProcessQueue<Int>()
        let getting = kind.start({ try queue.get() }, task: { try await queue.get() })
        try await until { queue.waitingGetters == 1 }
        try await queue.put(7)
        let number = try await getting.value()
        #expect(number == 7)
    }

    @Test func `join waits until all is done, and too many taskDone trap`() async throws {
        try await onThread {
            let queue = try ProcessQueue<Int>()
            for number in 0..<3 { try queue.put(number) }
            for _ in 0..<3 {
                let isDone = try queue.join(within: .zero)
                #expect(!isDone)
                _ = try queue.get()
                queue.taskDone()
            }
            let isDone = try queue.join()
            #expect(isDone)
        }
        await #expect(processExitsWith: .failure) { try ProcessQueue<Int>().taskDone() }
    }

    @Test func `shut down, it gives what it has and takes no more`() async throws {
        try await onThread {
            let queue = try ProcessQueue<Int>()
            try queue.put(1)
            try queue.shutDown()
            #expect(throws: QueueError.shutDown) { try queue.put(2) }
            let last = try queue.get()
            #expect(last == 1)
            #expect(throws: QueueError.shutDown) { try queue.get() }

            let other = try ProcessQueue<Int>()
            for number in 0..<3 { try other.put(number) }
            _ = try other.get()
            let joining = spawn(.thread) { try other.join() }
            try other.shutDown(immediately: true)
            #expect(throws: QueueError.shutDown) { try other.get() }
            // What was got before is still to be done; what was dropped is not.
            #expect(other.unfinishedCount == 1)
            other.taskDone()
            try joining.join()
        }
    }

    // MP-022
    @Test func `what cannot be encoded is the putter's error, and takes no place`() async throws {
        try await onThread {
            let queue = try ProcessQueue<Bomb>(capacity: 1)
            #expect(throws: Bomb.Failure()) { try queue.put(Bomb(.encoding, .throwing)) }
            try queue.put(Bomb())
            let bomb = try queue.get()
            #expect(bomb == Bomb())
        }
    }

    /// No item is ever there in part, and no lock stays locked.
    @Test func `writers and readers that are killed harm nobody`() async throws {
        try await onThread {
            let queue = try ProcessQueue<[UInt8]>(bytes: 1 << 15)
            let ended = Box(false)
            let own = spawn(.thread) {
                var count = 0
                while !ended.value {
                    guard let item = try? queue.get(within: .milliseconds(20)) else { continue }
                    count += 1
                    let first = item.first ?? 0
                    #expect(item.allSatisfy { $0 == first } && item.count == Int(first) * 40)
                }
                return count
            }
            for round in 0..<40 {
                let started = try SharedMemory(bytes: 1)
                let child = try spawn(
                    .process, Disturb.self,
                    .init(queue: queue, started: started, puts: round % 4 != 3))
                while started.load(at: 0, as: UInt8.self) == 0 { Strand.yield() }
                try Strand.sleep(for: .microseconds(100 * (round % 7)))
                child.kill()
                _ = try? child.join()
            }
            // It still works.
            ended.set(true)
            let count = try own.join()
            #expect(count > 0)
            while try queue.tryGet() != nil {}
            try queue.put([5])
            let item = try queue.get()
            #expect(item == [5])
        }
    }

    // MP-024, MP-128, MP-129
    @Test func `a queue that was shut down still says what it has, and may be shut down again`()
        async throws
    {
        try await onThread {
            let queue = try ProcessQueue<Int>()
            try queue.put(1)
            for immediately in [false, false, true, true] {
                #expect(queue.isEmpty == (queue.count == 0))
                try queue.shutDown(immediately: immediately)
                #expect(queue.isShutDown)
                #expect(queue.count == (immediately ? 0 : 1))
            }
            #expect(queue.isEmpty && queue.unfinishedCount == 0)
        }
    }

    // MP-111
    @Test(arguments: SharingTests.methods)
    func `a queue may be made, used and ended within a child`(_ method: StartMethod) async throws {
        try await onThread {
            let items = try spawn(.process, UseOwnQueue.self, 3, method: method).join()
            #expect(items == [0, 1, 2])
        }
    }

    @Test func `with a limit of zero a lock that is held for a moment is waited for`() async throws
    {
        let items = try await onThread {
            let queue = try ProcessQueue<Int>(capacity: 1_000)
            let putters = (0..<2).map { _ in
                spawn(.thread) {
                    for number in 0..<400 {
                        let isPut = try queue.tryPut(number)
                        #expect(isPut)
                    }
                }
            }
            for putter in putters { try putter.join() }
            return queue.count
        }
        #expect(items == 800)
    }

    @Test func `counts are never more than there are`() async throws {
        try await onThread {
            let queue = try ProcessQueue<Int>(capacity: 8)
            let mayEnd = Box(false)
            let looking = spawn(.thread) {
                var most = 0
                while !mayEnd.value {
                    most = max(most, max(queue.count, queue.unfinishedCount - 1))
                }
                return most
            }
            let putting = spawn(.thread) { for number in 0..<20_000 { try queue.put(number) } }
            for _ in 0..<20_000 {
                _ = try queue.get()
                queue.taskDone()
            }
            try putting.join()
            mayEnd.set(true)
            let most = try looking.join()
            #expect(most <= 9)
            #expect(queue.unfinishedCount == 0)
        }
    }

    @Test func `memory that is no queue's is refused`() async throws {
        let memory = try SharedMemory(bytes: 4_096 + 4_096)
        #expect(throws: SharingError.malformed("ProcessQueue")) {
            try QueuePages(mapping: memory.block.number)
        }
    }
}
