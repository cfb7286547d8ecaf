import PlaitParking
import PlaitPlatform
import PlaitStrands
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct StrandJoiningTests {
    // TH-046
    @Test func `any number join, before and after the end, and more than once`() async throws {
        let gate = Gate()
        let target = spawn(.thread) {
            _ = gate.wait()
            return 5
        }
        let joiners = WaiterKind.allCases.flatMap { kind in
            (0..<3).map { _ in kind.start({ try target.join() }, task: { try await target.join() })
            }
        }
        for joiner in joiners { try await joiner.untilParked() }
        #expect(target.isAlive)
        gate.open()
        for joiner in joiners { #expect(try await joiner.value() == 5) }
        #expect(!target.isAlive)
        // TH-045
        #expect(try await onThread { try target.join() + target.join() } == 10)
        #expect(try await target.join(within: .zero) == 5)
    }

    // TH-049, TH-060
    @Test(arguments: WaiterKind.allCases)
    func `a join that times out leaves the strand running`(_ kind: WaiterKind) async throws {
        let gate = Gate()
        let strand = spawn(.thread) { _ = gate.wait() }.strand
        let early = kind.start(
            { (try strand.join(within: .zero), try strand.join(within: .milliseconds(2))) },
            task: {
                (
                    try await strand.join(within: .zero),
                    try await strand.join(within: .milliseconds(2))
                )
            })
        #expect(try await early.value() == (false, false))
        #expect(strand.isAlive)
        gate.open()
        let late = kind.start({ try strand.join() }, task: { try await strand.join() })
        #expect(try await late.value())
        #expect(!strand.isAlive)
    }

    @Test(arguments: WaiterKind.allCases)
    func `a cancelled joiner goes on without the strand`(_ kind: WaiterKind) async throws {
        let gate = Gate()
        let strand = spawn(.thread) { _ = gate.wait() }.strand
        let joiner = kind.start({ try strand.join() }, task: { try await strand.join() })
        try await joiner.untilParked()
        joiner.cancel()
        await #expect(throws: CancellationError.self) { try await joiner.value() }
        #expect(strand.isAlive)
        gate.open()
        try await strand.join()
    }

    @Test func `an uncancellable join stays, and the next wait is cancelled`() async throws {
        let gate = Gate()
        let strand = spawn(.thread) { _ = gate.wait() }.strand
        let joiner = spawn(.thread) {
            strand.joinUncancellably()
            #expect(!strand.isAlive)
            #expect(gate.wait() == .cancelled)
        }
        try await until { joiner.strand.currentWait != nil }
        joiner.cancel()
        gate.open()
        try await joiner.join()
    }

    // TH-047, TH-078, GV-266
    @Test func `joining itself traps and names the strand`() async throws {
        let result = try await #require(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await spawn(.thread, name: "narcissus") { _ = try Strand.current.join() }.join()
        }
        #expect(text(result.standardErrorContent).contains("strand narcissus joins itself"))
    }

    // TH-048
    @Test func `joining itself traps even while another joins it`() async {
        await #expect(processExitsWith: .failure) {
            let gate = Gate()
            let target = spawn(.thread) {
                _ = gate.wait()
                _ = try Strand.current.join()
            }
            let other = spawn(.thread) { _ = try target.strand.join() }
            try await until { other.strand.currentWait != nil }
            gate.open()
            try await other.join()
        }
    }
}
