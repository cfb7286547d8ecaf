import PlaitPlatform
import TestSupport
import Testing

@testable import PlaitStrands

struct StackPoolTests {
    @Test func `statistics count what is in use, cached and was the most`() throws {
        let pool = StackPool(stackSize: 65_536)
        let stacks = try (0..<5).map { _ in try pool.take() }
        #expect(
            pool.statistics
                == StackStatistics(stackSize: 65_536, inUse: 5, cached: 0, highWaterMark: 5))
        for stack in stacks { pool.give(stack) }
        #expect(
            pool.statistics
                == StackStatistics(stackSize: 65_536, inUse: 0, cached: 5, highWaterMark: 5))
        pool.give(try pool.take())
        #expect(pool.statistics.highWaterMark == 5)
    }

    @Test func `the stack that was given last is taken first`() throws {
        let pool = StackPool(stackSize: 65_536)
        let first = try pool.take()
        let second = try pool.take()
        #expect(unsafe first.address != second.address)
        pool.give(first)
        pool.give(second)
        for expected in [second, first] {
            let taken = try pool.take()
            #expect(unsafe taken.address == expected.address)
        }
    }

    @Test func `sizes are whole pages, and four at least`() throws {
        let page = Memory.pageSize
        #expect(StackPool(stackSize: 1).stackSize == 4 * page)
        #expect(StackPool(stackSize: 5 * page).stackSize == 5 * page)
        #expect(StackPool(stackSize: 5 * page + 1).stackSize == 6 * page)
    }

    @Test(arguments: [false, true])
    func `stacks do not overlap, across slabs`(withoutMarkers: Bool) throws {
        let pool = StackPool(stackSize: 65_536, withoutMarkers: withoutMarkers)
        // Slabs of 16, 32 and 64 stacks.
        let stacks = try (0..<100).map { _ in try pool.take() }
        let addresses = stacks.map { unsafe UInt(bitPattern: $0.address) }.sorted()
        for (low, high) in zip(addresses, addresses.dropFirst()) { #expect(high - low >= 65_536) }
        #expect(!pool.needsChecks)
        for stack in stacks { pool.give(stack) }
        #expect(pool.statistics.cached == 100)
    }

    @Test func `trimming gives back what was not needed since the last trim`() throws {
        let pool = StackPool(stackSize: 65_536)
        let stacks = try (0..<4).map { _ in try pool.take() }
        for stack in stacks {
            mark(stack, 0xAA)
            pool.give(stack)
        }
        #expect(pool.hasWarmStacks)
        // All have been used since the pool was made.
        pool.trim()
        #expect(stacks.map(marked) == [0xAA, 0xAA, 0xAA, 0xAA])
        // One is, again and again; the cold end of the cache goes.
        for _ in 0..<3 { pool.give(try pool.take()) }
        pool.trim()
        #expect(stacks.map(marked) == [0, 0, 0, 0xAA])
        #expect(pool.hasWarmStacks)
        pool.trim()
        #expect(stacks.map(marked) == [0, 0, 0, 0])
        #expect(!pool.hasWarmStacks)
        #expect(pool.statistics.cached == 4)
        // What comes back is warm again.
        let taken = try pool.take()
        mark(taken, 0xBB)
        pool.give(taken)
        #expect(pool.hasWarmStacks)
        #expect(marked(taken) == 0xBB)
    }

    @Test func `fibers that end leave their stacks to the next`() async throws {
        try await onThread {
            for _ in 0..<100 { try spawn(.fiber) {}.join() }
            let statistics = Hub.current.stackStatistics
            #expect(
                statistics
                    == StackStatistics(
                        stackSize: Hub.defaultStackSize, inUse: 0, cached: 1, highWaterMark: 1))
            let fibers = (0..<10).map { _ in spawn(.fiber) {} }
            #expect(Hub.current.stackStatistics.inUse == 10)
            for fiber in fibers { try fiber.join() }
            #expect(Hub.current.stackStatistics.cached == 10)
            #expect(Hub.current.stackStatistics.highWaterMark == 10)
        }
    }

    @Test func `a size that is no multiple of the page is used again as any other`() async throws {
        try await onThread {
            for _ in 0..<1_000 { try spawn(.fiber, stackSize: 100_000) {}.join() }
            #expect(Hub.current.stackStatistics(ofSize: 100_000).cached == 1)
            #expect(Hub.current.stackStatistics(ofSize: 100_000).highWaterMark == 1)
        }
    }

    @Test func `a hub has the stack size that it was made with`() async throws {
        try await onThread {
            var options = Hub.Options()
            options.stackSize = 1 << 20
            let hub = try Hub.make(options: options)
            #expect(hub.stackStatistics.stackSize == 1 << 20)
            #expect(try spawn(.fiber) { Recursion.descend(to: 400) }.join() == 400)
            #expect(hub.stackStatistics.highWaterMark == 1)
            // Another size is another pool's.
            try spawn(.fiber, stackSize: 65_536) {}.join()
            #expect(hub.stackStatistics.highWaterMark == 1)
        }
    }

    /// Writes to the stack's memory, well above its guard.
    private func mark(_ stack: FiberStack, _ byte: UInt8) {
        unsafe (stack.address + 32_768).storeBytes(of: byte, as: UInt8.self)
    }

    private func marked(_ stack: FiberStack) -> UInt8 {
        unsafe (stack.address + 32_768).load(as: UInt8.self)
    }
}
