import CPlaitSwitch
import Glibc
import PlaitParking
import PlaitStrands
import TestSupport
import Testing

/// What a switch keeps for each fiber.
struct ContextTests {
    private final class Shared {
        var number = 0
        var other = 0
    }

    /// Holds an exclusive access to `value` while `body` runs.
    @inline(never)
    private static func modify(_ value: inout Int, while body: () -> Void) {
        value += 1
        body()
        value += 1
    }

    @Test func `fibers may be parked inside accesses to properties of different objects`()
        async throws
    {
        try await onThread {
            let fibers = (0..<3).map { _ in
                spawn(.fiber) {
                    let shared = Shared()
                    for _ in 0..<10 {
                        ContextTests.modify(&shared.number) {
                            Strand.yield()
                            ContextTests.modify(&shared.other) { Strand.yield() }
                        }
                    }
                }
            }
            let own = Shared()
            // The thread's own strand, too.
            for _ in 0..<10 { ContextTests.modify(&own.number) { Strand.yield() } }
            for fiber in fibers { try fiber.join() }
        }
    }

    @Test func `overlapping accesses of two fibers to one property are a conflict`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                let shared = Shared()
                let fibers = (0..<2).map { _ in
                    spawn(.fiber) { ContextTests.modify(&shared.number) { Strand.yield() } }
                }
                for fiber in fibers { try fiber.join() }
            }
        }
        #expect(text(of: result).contains("access conflict"))
    }

    @Test func `what a fiber lends while it waits, another cannot replace`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                let box = Items()
                let lender = spawn(.fiber) {
                    ContextTests.lend(&box.items) { Strand.yield() }
                }
                let other = spawn(.fiber) { box.items = [] }
                try lender.join()
                try other.join()
            }
        }
        #expect(text(of: result).contains("access conflict"))
    }

    @inline(never)
    private static func lend(_ items: inout [Int], while body: () -> Void) {
        unsafe items.withUnsafeMutableBufferPointer { lent in
            for index in lent.indices {
                unsafe lent[index] += 1
                if index % 1_024 == 0 { body() }
            }
        }
    }

    private final class Items {
        var items = [Int](repeating: 7, count: 4_096)
    }

    @Test func `a thousand fibers parked in accesses take theirs off, and find them again`()
        async throws
    {
        try await onThread {
            let before = plait_accesses_taken_off()
            let objects = (0..<1_000).map { _ in Shared() }
            let fibers = objects.map { object in
                spawn(.fiber) {
                    for _ in 0..<5 {
                        ContextTests.modify(&object.number) {
                            ContextTests.modify(&object.other) { Strand.yield() }
                            Strand.yield()
                        }
                    }
                }
            }
            for fiber in fibers { try fiber.join() }
            #expect(objects.allSatisfy { $0.number == 10 && $0.other == 10 })
            #expect(plait_accesses_taken_off() > before)
        }
    }

    @Test func `a real conflict within one fiber is still caught`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                let shared = Shared()
                try spawn(.fiber) {
                    ContextTests.modify(&shared.number) {
                        Strand.yield()
                        ContextTests.modify(&shared.number) {}
                    }
                }.join()
            }
        }
        #expect(text(of: result).contains("access conflict"))
    }

    @Test func `rounding is each fiber's own`() async throws {
        try await onThread {
            let upward: Int32 = FE_UPWARD
            let nearest: Int32 = FE_TONEAREST
            let rounding = spawn(.fiber) {
                fesetround(upward)
                for _ in 0..<10 {
                    Strand.yield()
                    #expect(fegetround() == upward)
                    #expect(ContextTests.third() * 3 > 1)
                }
            }
            let other = spawn(.fiber) {
                for _ in 0..<10 {
                    #expect(fegetround() == nearest)
                    #expect(ContextTests.third() * 3 == 1)
                    Strand.yield()
                }
            }
            try rounding.join()
            try other.join()
            #expect(fegetround() == nearest)
        }
    }

    /// Divides when it runs, not when it is compiled.
    @inline(never)
    private static func third() -> Double { (Double("1") ?? 0) / 3 }

    @Test func `a computation with many live values survives its yields`() async throws {
        try await onThread {
            let expected = (0..<20).map { ContextTests.compute($0) {} }
            let fibers = (0..<20).map { seed in
                spawn(.fiber) { ContextTests.compute(seed) { Strand.yield() } }
            }
            let results = try fibers.map { try $0.join() }
            #expect(results == expected)
        }
    }

    /// More live integers and floating-point numbers than there are registers.
    @inline(never)
    private static func compute(_ seed: Int, _ pause: () -> Void) -> [Double] {
        var (a, b, c, d, e, f) = (seed, seed + 1, seed + 2, seed + 3, seed + 4, seed + 5)
        var (p, q, r, s) = (Double(seed), 1.5, 2.5, 3.5)
        var (t, u, v, w) = (Double(seed) / 3, 0.1, 0.2, 0.3)
        for step in 0..<200 {
            (a, b, c, d, e, f) = (b &+ step, c ^ a, d &* 3, e &+ f, f &- a, a ^ d)
            (p, q, r, s) = (q * 0.5 + t, r - p * 0.25, s * 0.75, p + u)
            pause()
            (t, u, v, w) = (u + p * 0.125, v * 0.5, w + q * 0.0625, t - r * 0.5)
            a &+= Int(p) & 7
        }
        return [a, b, c, d, e, f].map(Double.init) + [p, q, r, s, t, u, v, w]
    }
}
