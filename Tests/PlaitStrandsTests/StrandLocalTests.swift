import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct StrandLocalTests {
    /// Counts those that live.
    private final class Counted: Sendable {
        static func counter() -> Box<Int> { Box(0) }
        let alive: Box<Int>
        init(_ alive: Box<Int>) {
            self.alive = alive
            alive.update { $0 += 1 }
        }
        deinit { alive.update { $0 -= 1 } }
    }

    // TH-095, EV-118
    @Test(arguments: StrandKind.allCases)
    func `every strand makes its own first value and sees it alone`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let made = Box(0)
            let local = StrandLocal {
                made.update {
                    $0 += 1; return [$0]
                }
            }
            let strands = (0..<10).map { number in
                spawn(kind: kind) {
                    let first = local.value
                    local.value.append(number + 100)
                    try Strand.sleep(for: .zero)
                    return (first, local.value)
                }
            }
            for (number, strand) in strands.enumerated() {
                let (first, last) = try strand.join()
                #expect(last == first + [number + 100])
            }
            #expect(made.value == 10)
        }
    }

    // EV-117, GV-170
    @Test(arguments: StrandKind.allCases)
    func `a value that is set elsewhere is invisible here`(_ kind: StrandKind) async throws {
        try await onThread {
            let local = StrandLocal { 1 }
            local.value = 2
            try spawn(kind: kind) {
                #expect(local.value == 1)
                local.value = 3
                #expect(local.value == 3)
            }.join()
            #expect(local.value == 2)
            local.value += 5
            #expect(local.value == 7)
        }
    }

    // GV-171
    @Test(arguments: StrandKind.allCases)
    func `two locals are independent`(_ kind: StrandKind) async throws {
        try await onStrand(kind) {
            let first = StrandLocal { 1 }
            let second = StrandLocal { 1 }
            first.value = 10
            #expect(second.value == 1)
            second.value = 20
            #expect(first.value == 10)
        }
    }

    // TH-094, EV-119, GV-172
    @Test(arguments: StrandKind.allCases)
    func `values are freed when their strands have ended, whoever holds the strands`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let alive = Counted.counter()
            let local = StrandLocal { Counted(alive) }
            let mayEnd = Event()
            let all = Latched(20)
            let strands = (0..<20).map { _ in
                spawn(kind: kind) {
                    _ = local.value
                    all.countDown()
                    try mayEnd.wait()
                }
            }
            try all.wait()
            #expect(alive.value == 20)
            mayEnd.set()
            for strand in strands {
                try strand.join()
                #expect(strand.strand.localValues.isEmpty)
            }
            #expect(alive.value == 0)
            withExtendedLifetime((strands, local)) {}
        }
    }

    // GV-173
    @Test(arguments: StrandKind.allCases)
    func `values are freed when their local goes, though strands run on`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let alive = Counted.counter()
            var local: StrandLocal<Counted>? = StrandLocal { Counted(alive) }
            let mayEnd = Event()
            let all = Latched(20)
            let strands = (0..<20).map { _ in
                spawn(kind: kind) { [weak local] in
                    _ = local?.value
                    all.countDown()
                    try mayEnd.wait()
                }
            }
            try all.wait()
            _ = local?.value
            #expect(alive.value == 21)
            local = nil
            // A strand may hold it for the last time.
            while alive.value > 0 { Strand.yield() }
            mayEnd.set()
            for strand in strands { try strand.join() }
        }
    }

    @Test func `a later local at the place of an earlier one has values of its own`() async throws {
        try await onThread {
            for round in 0..<50 {
                let local = StrandLocal { -1 }
                #expect(local.value == -1)
                local.value = round
                #expect(local.value == round)
            }
        }
    }

    @Test func `a foreign thread's values are freed at its end`() async throws {
        let alive = Counted.counter()
        let local = StrandLocal { Counted(alive) }
        let seen = Box(0)
        try startThread(name: "foreign") {
            _ = local.value
            seen.set(alive.value)
        }
        try await until { seen.value == 1 && alive.value == 0 }
        withExtendedLifetime(local) {}
    }

    // TH-096
    @Test func `locals that go while foreign threads end free every value once`() async throws {
        let alive = Counted.counter()
        for _ in 0..<200 {
            var local: StrandLocal<Counted>? = StrandLocal { Counted(alive) }
            let have = Box(0)
            for _ in 0..<4 {
                try startThread(name: "foreign") { [weak local] in
                    _ = local?.value
                    have.update { $0 += 1 }
                }
            }
            try await until { have.value == 4 }
            local = nil
        }
        try await until { alive.value == 0 }
    }

    @Test(arguments: StrandKind.allCases)
    func `a value may use locals when it is freed`(_ kind: StrandKind) async throws {
        final class User: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
            deinit { body() }
        }
        try await onThread {
            let alive = Counted.counter()
            let other = StrandLocal { Counted(alive) }
            let seen = Box(0)
            let user = StrandLocal {
                User {
                    _ = other.value
                    Strand.yield()
                    seen.set(alive.value)
                }
            }
            try spawn(kind: kind) { _ = user.value }.join()
            #expect(seen.value == 1)
            #expect(alive.value == 0)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a value is changed in place, and made anew after a reset`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            let local = StrandLocal { [0] }
            let count = local.withValue { list in
                list.append(1)
                return list.count
            }
            #expect(count == 2)
            #expect(local.value == [0, 1])
            struct Failure: Error {}
            #expect(throws: Failure.self) {
                try local.withValue { list in
                    list.append(2)
                    throw Failure()
                }
            }
            #expect(local.value == [0, 1, 2])
            local.reset()
            #expect(local.value == [0])
            local.reset()
            local.reset()
            #expect(local.value == [0])
        }
    }

    @Test func `a first value may be made while the strand waits`() async throws {
        try await onThread {
            let local = StrandLocal {
                Strand.yield()
                return Strand.current.id
            }
            let fibers = (0..<10).map { _ in
                spawn(.fiber) { (local.value, local.value, Strand.current.id) }
            }
            for fiber in fibers {
                let (first, second, id) = try fiber.join()
                #expect(first == id && second == id)
            }
        }
    }

    // GV-174
    @Test(arguments: StrandKind.allCases)
    func `the values of a strand can be listed`(_ kind: StrandKind) async throws {
        final class Unshared {}
        try await onThread {
            let number = StrandLocal(name: "number") { 1 }
            let text = StrandLocal { "" }
            let unshared = StrandLocal(name: "unshared") { Unshared() }
            let isSet = Event()
            let mayEnd = Event()
            let handle = spawn(kind: kind) {
                number.value = 42
                text.value = "here"
                _ = unshared.value
                let own = Strand.current.localValues
                #expect(own.count == 3)
                #expect(own.first { $0.name == "unshared" }?.value is Unshared)
                number.withValue { _ in
                    let during = Strand.current.localValues.first { $0.name == "number" }
                    #expect(during != nil && during?.value == nil)
                }
                isSet.set()
                try mayEnd.wait()
            }
            try isSet.wait()
            let listed = handle.strand.localValues
            #expect(Set(listed.map(\.name)) == ["number", "String", "unshared"])
            let first = try #require(listed.first { $0.name == "number" })
            #expect(first.value as? Int == 42)
            #expect(first.local == ObjectIdentifier(number))
            #expect(ObjectIdentifier(first.type) == ObjectIdentifier(Int.self))
            #expect(listed.first { $0.name == "String" }?.value as? String == "here")
            // Not for other strands to touch.
            let hidden = try #require(listed.first { $0.name == "unshared" })
            #expect(hidden.value == nil)
            mayEnd.set()
            try handle.join()
            #expect(handle.strand.localValues.isEmpty)
            withExtendedLifetime((text, unshared)) {}
        }
    }

    @Test func `use of a local inside its own withValue traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread {
                let local = StrandLocal(name: "counter") { 1 }
                local.withValue { _ in _ = local.value }
            }
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(output.contains("StrandLocal counter is used inside of its own withValue"))
    }

    @Test func `many locals and strands at once`() async throws {
        try await onThread {
            let locals = (0..<100).map { number in StrandLocal { number } }
            let threads = (0..<4).map { thread in
                spawn(.thread) {
                    let fibers = (0..<50).map { fiber in
                        spawn(.fiber) {
                            for local in locals { local.value += thread * 1_000 + fiber }
                            Strand.yield()
                            for (number, local) in locals.enumerated() {
                                guard local.value == number + thread * 1_000 + fiber else {
                                    return false
                                }
                            }
                            return true
                        }
                    }
                    return try fibers.allSatisfy { try $0.join() }
                }
            }
            for thread in threads {
                let isRight = try thread.join()
                #expect(isRight)
            }
        }
    }
}

/// Waits for so many.
private final class Latched: Sendable {
    private let permits = CountingSemaphore(permits: 0)
    private let count: Int
    init(_ count: Int) { self.count = count }
    func countDown() { permits.release() }
    @available(*, noasync)
    func wait() throws { for _ in 0..<count { try permits.acquire() } }
}
