import Foundation
import PlaitParking
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

struct StackOverflowTests {
    @Test func `overflow ends the process, naming the fiber and its stack's size`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                _ = try spawn(.fiber, name: "deep", stackSize: 65_536) {
                    Recursion.descend(to: .max - 1)
                }.join()
            }
        }
        #expect(text(of: result).contains("plait: fatal: fiber 'deep' (fiber-"))
        #expect(text(of: result).contains("overflowed its stack of 64 KiB"))
    }

    @Test func `the same where the kernel has no guard markers`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                var options = Hub.Options()
                options.withoutGuardMarkers = true
                options.stackSize = 131_072
                try Hub.make(options: options)
                _ = try spawn(.fiber) { Recursion.descend(to: .max - 1) }.join()
            }
        }
        // It was given no name.
        #expect(text(of: result).contains("plait: fatal: fiber (fiber-"))
        #expect(text(of: result).contains("overflowed its stack of 128 KiB"))
    }

    @Test func `of two fibers the one is named that overflowed, also after a switch`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                let innocent = spawn(.fiber, name: "innocent") {
                    while true { Strand.yield() }
                }
                _ = spawn(.fiber, name: "guilty") {
                    for _ in 0..<10 { Strand.yield() }
                    _ = Recursion.descend(to: .max - 1)
                }
                try innocent.join()
            }
        }
        #expect(text(of: result).contains("plait: fatal: fiber 'guilty'"))
        #expect(!text(of: result).contains("innocent"))
    }

    @Test func `a frame of 60 KB that leaves the stack hits the guard, not the neighbour`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGABRT), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                let gate = Event()
                let neighbours = (0..<10).map { _ in
                    spawn(.fiber, stackSize: 65_536) { try gate.wait() }
                }
                let greedy = spawn(.fiber, name: "greedy", stackSize: 65_536) {
                    Strand.yield()
                    return wideFrame()
                }
                _ = try greedy.join()
                gate.set()
                for neighbour in neighbours { try neighbour.join() }
            }
        }
        #expect(text(of: result).contains("plait: fatal: fiber 'greedy'"))
    }

    @Test func `what JSONDecoder takes of nested arrays fits on a fiber's stack`() async throws {
        try await onThread {
            let depth = 500
            let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            let found = try spawn(.fiber) {
                try JSONDecoder().decode(Nested.self, from: Data(text.utf8)).depth
            }.join()
            #expect(found == depth)
        }
    }

    @Test func `a thread's own overflow is a plain crash`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGSEGV), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                try spawn(.fiber) {}.join()
                _ = Recursion.descend(to: .max - 1)
            }
        }
        #expect(!text(of: result).contains("plait: fatal"))
    }

    @Test func `another bad access in a fiber is a plain crash`() async {
        let result = await #expect(
            processExitsWith: .signal(SIGSEGV), observing: [\.standardErrorContent]
        ) {
            try await onThread {
                try spawn(.fiber) {
                    unsafe UnsafeMutablePointer<Int>(bitPattern: 64)?.pointee = 1
                }.join()
            }
        }
        #expect(!text(of: result).contains("plait: fatal"))
    }

    @Test func `without guards a switch finds a fiber that has left its stack`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread {
                var options = Hub.Options()
                options.withoutGuardMarkers = true
                options.stackSize = 131_072
                try Hub.make(options: options)
                // Uses up the process's guards; those beyond are looked at.
                let mayEnd = Box(false)
                for _ in 0..<8_200 { spawn(.fiber) { while !mayEnd.value { Strand.yield() } } }
                _ = spawn(.fiber, name: "unguarded") {
                    _ = Recursion.descend(to: 300) { Strand.yield() }
                    mayEnd.set(true)
                }
            }
        }
        #expect(text(of: result).contains("fiber unguarded overflowed its stack of 128 KiB"))
    }
}

/// Has a frame of 60 KB, of which it touches the lowest bytes first.
@inline(never)
private func wideFrame() -> UInt8 {
    var buffer = InlineArray<60_000, UInt8>(repeating: 0)
    return unsafe withUnsafeMutablePointer(to: &buffer) { buffer in
        unsafe buffer.pointee[Int(Strand.current.id) % 60_000] = 1
        return unsafe buffer.pointee[3] + narrowFrame()
    }
}

@inline(never)
private func narrowFrame() -> UInt8 {
    var buffer = InlineArray<20_000, UInt8>(repeating: 1)
    return unsafe withUnsafeMutablePointer(to: &buffer) { buffer in
        unsafe buffer.pointee[Int(Strand.current.id) % 20_000]
    }
}

/// Arrays in arrays, decoded as users do.
private struct Nested: Decodable {
    let depth: Int

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        var deepest = 0
        while !container.isAtEnd { deepest = max(deepest, try container.decode(Nested.self).depth) }
        depth = deepest + 1
    }
}
