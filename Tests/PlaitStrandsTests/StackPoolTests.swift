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
        trim(pool)
        #expect(stacks.map(marked) == [0xAA, 0xAA, 0xAA, 0xAA])
        // One is, again and again; the cold end of the cache goes.
        for _ in 0..<3 { pool.give(try pool.take()) }
        trim(pool)
        #expect(stacks.map(marked) == [0, 0, 0, 0xAA])
        #expect(pool.hasWarmStacks)
        trim(pool)
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

    @Test func `trimming stops at its limit, and goes on where it stopped`() throws {
        // Two pieces each.
        let pool = StackPool(stackSize: 2 << 20)
        let stacks = try (0..<3).map { _ in try pool.take() }
        for stack in stacks {
            mark(stack, 0xAA)
            mark(stack, 0xAA, at: 3 << 19)
            pool.give(stack)
        }
        trim(pool)
        pool.beginTrim()
        #expect(!pool.trim(until: 0))
        #expect(stacks.map(marked) == [0, 0xAA, 0xAA])
        #expect(marked(stacks[0], at: 3 << 19) == 0xAA)
        // Another is used meanwhile.
        let taken = try pool.take()
        #expect(!pool.trim(until: 0))
        #expect(marked(stacks[0], at: 3 << 19) == 0)
        #expect(!pool.trim(until: 0))
        #expect(!pool.trim(until: 0))
        #expect(pool.trim(until: 0))
        #expect(stacks.map(marked) == [0, 0, 0xAA])
        pool.give(taken)
        #expect(pool.statistics.cached == 3)
    }

    @Test func `a slab that is unused goes back as a whole, but for the smallest`() throws {
        let pool = StackPool(stackSize: 65_536)
        // Slabs of 16, 32, 64 and 64.
        var stacks = try (0..<176).map { _ in try pool.take() }
        #expect(pool.statistics.cached == 0)
        let kept = stacks.remove(at: 60)
        for stack in stacks { pool.give(stack) }
        #expect(pool.statistics.cached == 175)
        trim(pool)
        trim(pool)
        // The first slab, and the third but for the stack that is used.
        #expect(pool.statistics.cached == 16 + 63)
        #expect(!pool.hasWarmStacks)
        // They are used again before new ones are cut, and each once.
        let again = try (0..<176).map { _ in try pool.take() }
        let addresses = Set((again + [kept]).map { unsafe UInt(bitPattern: $0.address) })
        #expect(addresses.count == 177)
        for stack in again {
            mark(stack, 0xBB)
            pool.give(stack)
        }
        mark(kept, 0xCC)
        pool.give(kept)
        trim(pool)
        trim(pool)
        #expect(pool.statistics.cached == 16)
        #expect(
            pool.statistics
                == StackStatistics(stackSize: 65_536, inUse: 0, cached: 16, highWaterMark: 177))
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

    private func trim(_ pool: StackPool) {
        pool.beginTrim()
        #expect(pool.trim(until: .max))
    }

    /// Writes to the stack's memory, well above its guard.
    private func mark(_ stack: FiberStack, _ byte: UInt8, at offset: Int = 32_768) {
        unsafe (stack.address + offset).storeBytes(of: byte, as: UInt8.self)
    }

    private func marked(_ stack: FiberStack) -> UInt8 { marked(stack, at: 32_768) }

    private func marked(_ stack: FiberStack, at offset: Int) -> UInt8 {
        unsafe (stack.address + offset).load(as: UInt8.self)
    }
}
