import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct DelayedCallTests {
    private func make(
        _ kind: StrandKind, after delay: Duration, _ body: @escaping @Sendable () throws -> Void
    ) -> DelayedCall {
        switch kind {
        case .thread: DelayedCall(after: delay, body)
        case .fiber: DelayedCall(.fiber, after: delay, body)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `it runs once, after its delay, on a strand of its kind`(_ kind: StrandKind) async throws {
        try await onThread {
            let ran = Box<[StrandKind]>([])
            let start = ContinuousClock.now
            let call = make(kind, after: .milliseconds(2)) {
                #expect(start.duration(to: .now) >= .milliseconds(2))
                ran.update { $0.append(Strand.current.kind) }
            }
            #expect(call.isAlive)
            #expect(call.strand.kind == kind)
            try call.join()
            try call.join()
            #expect(!call.isAlive)
            #expect(ran.value == [kind])
            #expect(!call.cancel())
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `cancelling it before it runs stops it`(_ kind: StrandKind) async throws {
        try await onThread {
            let call = make(kind, after: .seconds(600)) { Issue.record("it ran") }
            Strand.yield()
            #expect(call.isAlive)
            #expect(call.cancel())
            #expect(!call.cancel())
            try call.join()
            #expect(!call.isAlive)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `cancelling it while it runs does nothing`(_ kind: StrandKind) async throws {
        try await onThread {
            let runs = Event()
            let goOn = Event()
            let ended = Event()
            let call = make(kind, after: .zero) {
                runs.set()
                try goOn.wait()
                ended.set()
            }
            try runs.wait()
            #expect(!call.cancel())
            goOn.set()
            try call.join()
            #expect(ended.isSet)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `of a cancel and its time, one wins`(_ kind: StrandKind) async throws {
        try await onThread {
            for round in 0..<200 {
                let ran = Box(false)
                let call = make(kind, after: .microseconds(round)) { ran.set(true) }
                Strand.yield()
                let isStopped = call.cancel()
                try call.join()
                #expect(ran.value != isStopped)
            }
        }
    }

    @Test func `what it throws is thrown by join`() async throws {
        struct Failure: Error {}
        let call = DelayedCall(after: .zero) { throw Failure() }
        await #expect(throws: Failure.self) { try await call.join() }
        let waiting = DelayedCall(after: .seconds(600)) {}
        await #expect(throws: TimedOut.self) { try await waiting.join(within: .zero) }
        waiting.cancel()
        try await waiting.join()
    }
}
