import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

struct ScopeTests {
    struct Failure: Error, Equatable { let number: Int }

    @Test func `a strand that is cancelled alone does not end its scope`() async throws {
        try await onThread {
            let gate = Event()
            let value = try withScope { scope in
                let cancelled = scope.spawn(.fiber) { try gate.wait() }
                let other = scope.spawn(.fiber) {
                    try Strand.sleep(for: .milliseconds(1))
                    return 7
                }
                Strand.yield()
                cancelled.cancel()
                return try other.join()
            }
            #expect(value == 7)
        }
    }

    @Test func `a cancellation beside a child's error goes to the next wait`() async throws {
        try await onThread {
            let isInside = Event()
            let strand = spawn(.fiber) { () -> (Bool, Bool) in
                var sawFailure = false
                do {
                    try withScope { scope in
                        scope.spawn(.fiber) {
                            do {
                                isInside.set()
                                try Event().wait()
                            } catch {
                                throw Failure(number: 1)
                            }
                        }
                    }
                } catch is Failure {
                    sawFailure = true
                }
                do {
                    try Strand.sleep(for: .zero)
                    _ = try Event().wait(within: .milliseconds(1))
                    return (sawFailure, false)
                } catch is CancellationError {
                    return (sawFailure, true)
                }
            }
            try isInside.wait()
            strand.cancel()
            let (sawFailure, sawCancellation) = try strand.join()
            #expect(sawFailure && sawCancellation)
        }
    }

    @Test func `a cancellation that was caught before the scope does not come again`() async throws
    {
        try await onThread {
            let strand = spawn(.fiber) {
                Strand.current.cancel()
                do {
                    _ = try Event().wait(within: .seconds(60))
                    return false
                } catch is CancellationError {}
                do {
                    try withScope { scope in
                        scope.spawn(.fiber) { throw Failure(number: 1) }
                    }
                } catch is Failure {}
                // Throws if another comes.
                return try !Event().wait(within: .milliseconds(1))
            }
            let sawNoOther = try strand.join()
            #expect(sawNoOther)
        }
    }

    @Test func `a scope that lives long lets go of what has ended, and closes in one pass`()
        async throws
    {
        try await onThread {
            try withScope { scope in
                weak var first: Held?
                try { () throws in
                    let held = Held()
                    first = held
                    _ = try scope.spawn(.fiber) { held }.join()
                }()
                for _ in 0..<1_000 { try scope.spawn(.fiber) {}.join() }
                #expect(first == nil)
                for _ in 0..<20_000 { scope.spawn(.fiber) {} }
            }
        }
    }

    private final class Held: Sendable {}

    @Test(arguments: StrandKind.allCases)
    func `a scope ends after all of its strands`(_ kind: StrandKind) async throws {
        try await onThread {
            let ended = Box(0)
            let result = try withScope { scope in
                for _ in 0..<10 {
                    scope.spawn(kind: kind) {
                        Strand.yield()
                        ended.update { $0 += 1 }
                    }
                }
                return "result"
            }
            #expect(result == "result")
            #expect(ended.value == 10)
        }
    }

    @Test func `fibers and threads give their results in one scope`() async throws {
        try await onThread {
            let sum = try withScope { scope in
                let fiber = scope.spawn(.fiber) { 1 }
                let thread = scope.spawn(.thread) { 2 }
                let chosen = scope.spawn(kind: .fiber) { 3 }
                return try fiber.join() + thread.join() + chosen.join()
            }
            #expect(sum == 6)
        }
    }

    @Test func `a strand may start further strands in the scope`() async throws {
        try await onThread {
            let ended = Box<[Int]>([])
            try withScope { scope in
                scope.spawn(.fiber) {
                    scope.spawn(.fiber) {
                        try scope.spawn(.thread) { ended.update { $0.append(3) } }.join()
                        ended.update { $0.append(2) }
                    }
                    ended.update { $0.append(1) }
                }
            }
            #expect(ended.value == [1, 3, 2])
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `the first error cancels the other strands and is thrown`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let cancelled = Box(0)
            #expect(throws: Failure(number: 1)) {
                try withScope { scope in
                    for _ in 0..<3 {
                        scope.spawn(kind: kind) {
                            do {
                                try Event().wait()
                            } catch {
                                cancelled.update { $0 += 1 }
                                throw error
                            }
                        }
                    }
                    scope.spawn(kind: kind) { throw Failure(number: 1) }
                }
            }
            #expect(cancelled.value == 3)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `the first error ends the body's wait`(_ kind: StrandKind) async throws {
        try await onThread {
            #expect(throws: Failure(number: 2)) {
                try withScope { scope in
                    scope.spawn(kind: kind) { throw Failure(number: 2) }
                    #expect(throws: CancellationError.self) { try Event().wait() }
                    throw Failure(number: 3)
                }
            }
        }
    }

    @Test func `the same, where the body is a fiber's`() async throws {
        for kind in StrandKind.allCases {
            try await onThread {
                try spawn(.fiber) {
                    #expect(throws: Failure(number: 2)) {
                        try withScope { scope in
                            scope.spawn(kind: kind) { throw Failure(number: 2) }
                            try Event().wait()
                        }
                    }
                    // Nothing of it is left for the next wait.
                    try Strand.sleep(for: .microseconds(1))
                }.join()
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `an error of the body cancels the strands and is thrown`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let cancelled = Box(false)
            #expect(throws: Failure(number: 4)) {
                try withScope { scope in
                    scope.spawn(kind: kind) {
                        do { try Event().wait() } catch { cancelled.set(true) }
                    }
                    throw Failure(number: 4)
                }
            }
            #expect(cancelled.value)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `when its owner is cancelled, so are its strands`(_ kind: StrandKind) async throws {
        try await onThread {
            let started = Event()
            let cancelled = Box(0)
            let owner = spawn(kind: kind) {
                try withScope { scope in
                    for childKind in StrandKind.allCases {
                        scope.spawn(kind: childKind) {
                            do { try Event().wait() } catch { cancelled.update { $0 += 1 } }
                        }
                    }
                    started.set()
                }
            }
            try started.wait()
            owner.cancel()
            #expect(throws: CancellationError.self) { try owner.join() }
            #expect(cancelled.value == StrandKind.allCases.count)
        }
    }

    @Test func `cancel ends the strands, those to come included, and is no error`() async throws {
        try await onThread {
            let ended = Box(0)
            try withScope { scope in
                scope.spawn(.fiber) {
                    defer { ended.update { $0 += 1 } }
                    try Event().wait()
                }
                Strand.yield()
                scope.cancel()
                scope.spawn(.fiber) {
                    defer { ended.update { $0 += 1 } }
                    try Event().wait()
                }
            }
            #expect(ended.value == 2)
        }
    }

    @Test func `scopes nest: an error goes outwards, one scope at a time`() async throws {
        try await onThread {
            let log = Box<[String]>([])
            #expect(throws: Failure(number: 5)) {
                try withScope { outer in
                    outer.spawn(.fiber) {
                        do { try Event().wait() } catch { log.update { $0.append("outer child") } }
                    }
                    Strand.yield()
                    do {
                        try withScope { inner in
                            inner.spawn(.thread) { throw Failure(number: 5) }
                            inner.spawn(.fiber) {
                                do {
                                    try Event().wait()
                                } catch {
                                    log.update { $0.append("inner child") }
                                }
                            }
                        }
                    } catch {
                        log.update { $0.append("inner") }
                        throw error
                    }
                }
            }
            #expect(log.value == ["inner child", "inner", "outer child"])
        }
    }

    @Test func `an error of the outer scope ends the inner one`() async throws {
        try await onThread {
            let goOn = Event()
            #expect(throws: Failure(number: 6)) {
                try withScope { outer in
                    outer.spawn(.thread) {
                        try goOn.wait()
                        throw Failure(number: 6)
                    }
                    try withScope { inner in
                        inner.spawn(.fiber) { try Event().wait() }
                        goOn.set()
                        try Event().wait()
                    }
                }
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `the end of an inner scope keeps the outer one's interrupt`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            #expect(throws: Failure(number: 7)) {
                try withScope { outer in
                    try withScope { _ in
                        let failing = outer.spawn(.thread) { throw Failure(number: 7) }
                        // Its error finds the owner running, within the inner scope.
                        while failing.isAlive { yieldThread() }
                    }
                    try Event().wait()
                }
            }
            try Strand.sleep(for: .microseconds(1))
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a late error of a thread does not reach later waits of the owner`(
        _ kind: StrandKind
    ) async throws {
        try await onStrand(kind) {
            for _ in 0..<200 {
                let goOn = Event()
                #expect(throws: Failure(number: 8)) {
                    try withScope { scope in
                        scope.spawn(.thread) {
                            try? goOn.wait()
                            throw Failure(number: 8)
                        }
                        goOn.set()
                    }
                }
                try Strand.sleep(for: .nanoseconds(1))
            }
        }
    }

    @Test func `a strand that cannot be started is an error of the scope`() async throws {
        try await onThread {
            #expect(throws: SystemError.self) {
                try withScope { scope in
                    scope.spawn(.thread, stackSize: 1 << 46) {}
                    try Event().wait()
                }
            }
        }
    }

    @Test func `starting a strand in a scope that has ended traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread {
                let scope = try withScope { $0 }
                scope.spawn(.fiber, name: "late") {}
            }
        }
        #expect(text(of: result).contains("strand late was started in a scope that has ended"))
    }
}
