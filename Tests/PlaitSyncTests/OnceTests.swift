import PlaitParking
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct OnceTests {
    struct Failure: Error {}

    @Test func `the first closure runs, later ones do not`() async throws {
        let once = Once()
        let runs = Box(0)
        #expect(!once.isDone)
        #expect("\(once)".hasPrefix("Once(fresh, "))
        try await onThread {
            for _ in 0..<3 { once.run { runs.update { $0 += 1 } } }
        }
        try await once.run { runs.update { $0 += 1 } }
        #expect(runs.value == 1)
        #expect(once.isDone)
        #expect("\(once)".hasPrefix("Once(done, "))
    }

    @Test(arguments: WaiterKind.allCases)
    func `an error goes to who ran it, and the next tries again`(_ kind: WaiterKind) async throws {
        let once = Once()
        let runs = Box(0)
        func run(_ fails: Bool) -> Started<Void> {
            kind.start(
                {
                    try once.run {
                        runs.update { $0 += 1 }
                        if fails { throw Failure() }
                    }
                },
                task: {
                    try await once.run {
                        runs.update { $0 += 1 }
                        if fails { throw Failure() }
                    }
                })
        }
        await #expect(throws: Failure.self) { try await run(true).value() }
        await #expect(throws: Failure.self) { try await run(true).value() }
        #expect(!once.isDone)
        try await run(false).value()
        try await run(true).value()
        #expect(once.isDone)
        #expect(runs.value == 3)
    }

    @Test func `running it from inside traps and names the strand`() async throws {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread(named: "culprit") {
                let once = Once()
                once.run { once.run {} }
            }
        }
        let said = text(try #require(result).standardErrorContent)
        #expect(said.contains("Once.run from inside its own closure, by strand culprit"))
    }

    @Test func `a fiber's or task's recursion traps, too`() async {
        await #expect(processExitsWith: .failure) {
            let once = Once()
            try await onStrand(.fiber) { once.run { once.run {} } }
        }
        await #expect(processExitsWith: .failure) {
            let once = Once()
            try await once.run {
                await Task.yield()
                try await once.run {}
            }
        }
    }

    @Test func `a strand waits even when it is cancelled; a task does not`() async throws {
        for kind in WaiterKind.allCases {
            let once = Once()
            let mayEnd = Event()
            let running = WaiterKind.thread.start(
                { once.run { mayEnd.waitUncancellably() } }, task: {})
            try await running.untilParked()
            let waiting = kind.start(
                {
                    once.run { Issue.record("ran twice") }
                    #expect(once.isDone)
                    #expect(throws: CancellationError.self) { try Event().wait() }
                },
                task: { try await once.run { Issue.record("ran twice") } })
            try await waiting.untilParked()
            waiting.cancel()
            if kind == .task {
                await #expect(throws: CancellationError.self) { try await waiting.value() }
                mayEnd.set()
            } else {
                mayEnd.set()
                try await waiting.value()
            }
            try await running.value()
        }
    }
}
