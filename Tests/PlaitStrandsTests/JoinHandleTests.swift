import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

struct JoinHandleTests {
    struct Failure: Error, Equatable { let number: Int }

    @Test(arguments: StrandKind.allCases)
    func `join returns the value, however often and late`(_ kind: StrandKind) async throws {
        try await onThread {
            let handle = spawn(kind: kind) { [1, 2, 3] }
            let results = try (0..<3).map { _ in try handle.join() }
            #expect(results == [[1, 2, 3], [1, 2, 3], [1, 2, 3]])
            #expect(try handle.join(within: .zero) == [1, 2, 3])
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `join returns values of any size`(_ kind: StrandKind) async throws {
        struct Large: Equatable, Sendable {
            var words = (1, 2, 3, 4, 5)
            var text = "text that is too long to lie in the value itself"
            static func == (left: Large, right: Large) -> Bool {
                left.words == right.words && left.text == right.text
            }
        }
        try await onThread {
            #expect(try spawn(kind: kind) { Large() }.join() == Large())
            #expect(try spawn(kind: kind) { nil as Int? }.join() == nil)
            #expect(try spawn(kind: kind) { "short" }.join() == "short")
            try spawn(kind: kind) {}.join()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `join throws the strand's error, every time`(_ kind: StrandKind) async throws {
        try await onThread {
            let handle = spawn(kind: kind) { throw Failure(number: 7) }
            for _ in 0..<2 {
                #expect(throws: Failure(number: 7)) { try handle.join() }
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `past the limit join throws TimedOut and the strand goes on`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let goOn = Event()
            let handle = spawn(kind: kind, name: "slow") {
                try goOn.wait()
                return 5
            }
            for limit in [Duration.zero, .seconds(-1), .milliseconds(2)] {
                let error = #expect(throws: TimedOut.self) { try handle.join(within: limit) }
                #expect(error?.verb == "join of strand slow")
            }
            goOn.set()
            let result = try handle.join()
            #expect(result == 5)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `threads, fibers and tasks may join one strand`(_ kind: StrandKind) async throws {
        let goOn = Event()
        let handle = spawn(.fiber, on: SharedHubs.first) {
            try spawn(kind: kind) {
                try goOn.wait()
                return 9
            }.join()
        }
        let joiners = WaiterKind.allCases.flatMap { waiter in
            (0..<3).map { _ in
                waiter.start {
                    try handle.join()
                } task: {
                    try await handle.join()
                }
            }
        }
        for joiner in joiners { try await joiner.untilParked() }
        goOn.set()
        for joiner in joiners { #expect(try await joiner.value() == 9) }
    }

    @Test(arguments: WaiterKind.allCases)
    func `a cancelled joiner leaves the strand running`(_ waiter: WaiterKind) async throws {
        let goOn = Event()
        let handle = spawn(.thread) { try goOn.wait() }
        let joiner = waiter.start {
            try handle.join()
        } task: {
            try await handle.join()
        }
        try await joiner.untilParked()
        joiner.cancel()
        await #expect(throws: CancellationError.self) { try await joiner.value() }
        #expect(handle.isAlive)
        goOn.set()
        try await handle.join()
    }

    @Test(arguments: StrandKind.allCases)
    func `a join by a task times out`(_ kind: StrandKind) async throws {
        let goOn = Event()
        let handle = spawn(.thread) { try spawn(kind: kind) { try goOn.wait() }.join() }
        await #expect(throws: TimedOut.self) { try await handle.join(within: .milliseconds(1)) }
        await #expect(throws: TimedOut.self) { try await handle.join(within: .zero) }
        goOn.set()
        try await handle.join()
    }

    @Test func `a strand that joins itself traps with its name`() async {
        let fiber = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread {
                var own: JoinHandle<Void>?
                own = spawn(.fiber, name: "narcissus") { try own?.join() }
                try own?.join()
            }
        }
        #expect(text(of: fiber).contains("strand narcissus joins itself"))
        let thread = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await spawn(.thread, name: "echo") { _ = try Strand.current.join() }.join()
        }
        #expect(text(of: thread).contains("strand echo joins itself"))
    }
}

/// What an exit test wrote to standard error.
func text(of result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
}
