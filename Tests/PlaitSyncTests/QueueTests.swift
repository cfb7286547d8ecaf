import PlaitParking
import PlaitPlatform
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct QueueTests {
    @Test(arguments: [0, -1])
    func `a capacity below one traps`(_ capacity: Int) async {
        await #expect(processExitsWith: .failure) { [capacity] in
            _ = Queue<Int>(capacity: capacity)
        }
    }

    // QU-001
    @Test func `items come out in the order in which they went in, within the capacity`() throws {
        let queue = Queue<Int>(capacity: 3)
        #expect(queue.isEmpty && !queue.isFull && queue.count == 0)
        #expect(try queue.tryGet() == nil)
        for item in 1...3 { #expect(try queue.tryPut(item)) }
        #expect(queue.isFull && !queue.isEmpty && queue.count == 3)
        #expect(try !queue.tryPut(4))
        for item in 1...3 { #expect(try queue.tryGet() == item) }
        #expect(queue.isEmpty)
    }

    // QU-001
    @Test(arguments: StrandKind.allCases)
    func `past the limit, a get is empty and a put is full`(_ kind: StrandKind) async throws {
        let queue = Queue<Int>(capacity: 1)
        try await onStrand(kind) { () throws in
            #expect(throws: TimedOut.self) { try queue.get(within: .zero) }
            #expect(throws: TimedOut.self) { try queue.get(within: .milliseconds(1)) }
            #expect(try queue.put(1, within: .zero))
            #expect(try !queue.put(2, within: .zero))
            #expect(try !queue.put(2, within: .milliseconds(1)))
            #expect(try queue.get(within: .zero) == 1)
            #expect(queue.isEmpty)
        }
    }

    @Test func `past the limit, a task's get is empty and its put is full`() async throws {
        let queue = Queue<Int>(capacity: 1)
        await #expect(throws: TimedOut.self) { try await queue.get(within: .zero) }
        await #expect(throws: TimedOut.self) { try await queue.get(within: .milliseconds(1)) }
        #expect(try await queue.put(1, within: .zero))
        #expect(try await !queue.put(2, within: .zero))
        #expect(try await !queue.put(2, within: .milliseconds(1)))
        #expect(try await queue.get(within: .zero) == 1)
        #expect(queue.isEmpty)
    }

    @Test func `an unbounded queue is never full`() throws {
        let queue = Queue<Int>.unbounded()
        for item in 0..<10_000 { #expect(try queue.tryPut(item)) }
        #expect(queue.count == 10_000)
        #expect(!queue.isFull)
    }

    @Test func `nil is an item like any other`() async throws {
        let queue = Queue<Int?>(capacity: 1)
        #expect(try queue.tryPut(nil))
        #expect(try queue.tryGet() == .some(nil))
        for kind in WaiterKind.allCases {
            let getter = kind.start({ try queue.get() }, task: { try await queue.get() })
            try await getter.untilParked()
            try await queue.put(nil)
            #expect(try await getter.value() == nil)
        }
        #expect(try queue.tryPut(1))
        for kind in WaiterKind.allCases {
            let putter = kind.start({ try queue.put(nil) }, task: { try await queue.put(nil) })
            try await putter.untilParked()
            _ = try queue.tryGet()
            try await putter.value()
        }
        #expect(try queue.tryGet() == .some(nil))
    }

    @Test func `getters are served in the order in which they came`() async throws {
        let queue = Queue<Int>(capacity: 1)
        var getters: [Started<Int>] = []
        for kind in WaiterKind.allCases + WaiterKind.allCases {
            getters.append(kind.start({ try queue.get() }, task: { try await queue.get() }))
            try await getters[getters.count - 1].untilParked()
        }
        for item in getters.indices { try await queue.put(item) }
        for (item, getter) in getters.enumerated() { #expect(try await getter.value() == item) }
    }

    @Test func `putters are served in the order in which they came`() async throws {
        let queue = Queue<Int>(capacity: 1)
        #expect(try queue.tryPut(-1))
        var putters: [Started<Void>] = []
        for kind in WaiterKind.allCases + WaiterKind.allCases {
            let item = putters.count
            putters.append(
                kind.start({ try queue.put(item) }, task: { try await queue.put(item) }))
            try await putters[item].untilParked()
        }
        for item in -1..<putters.count { #expect(try await queue.get() == item) }
        for putter in putters { try await putter.value() }
        #expect(queue.isEmpty)
    }

    @Test func `items that are left end with the queue`() {
        final class Item: Sendable {
            let ended: Box<Int>
            init(_ ended: Box<Int>) { self.ended = ended }
            deinit { ended.update { $0 += 1 } }
        }
        let ended = Box(0)
        do {
            let queue = Queue<Item>(capacity: 2)
            _ = try? queue.tryPut(Item(ended))
            _ = try? queue.tryPut(Item(ended))
            // Refused: ends at once.
            #expect((try? queue.tryPut(Item(ended))) == false)
            #expect(ended.value == 1)
            _ = try? queue.tryGet()
            #expect(ended.value == 2)
        }
        #expect(ended.value == 3)
    }

    @Test func `an error says what to do`() async throws {
        let error = await #expect(throws: TimedOut.self) {
            try await Queue<Int>(capacity: 1).get(within: .zero)
        }
        #expect(error?.description.hasPrefix("get from Queue(0 of 1 items, at ") == true)
        #expect(QueueError.shutDown.description.contains("shut down"))
    }
}
