import PlaitParking
import PlaitPlatform
import Synchronization
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct StrandTests {
    /// Runs `body` on a thread that Plait did not start.
    private func onForeignThread(_ body: @escaping @Sendable () -> Void) async throws {
        let hasEnded = Box(false)
        try startThread(name: "foreign") {
            body()
            hasEnded.set(true)
        }
        try await until { hasEnded.value }
    }

    @Test func `a foreign thread gets a strand when it asks, and keeps it`() async throws {
        let seen = Box<[Strand]>([])
        try await onForeignThread {
            seen.update { $0.append(Strand.current) }
            seen.update { $0.append(Strand.current) }
        }
        let strands = seen.value
        #expect(strands.count == 2)
        #expect(strands[0] === strands[1])
        #expect(strands[0].kind == .thread)
        #expect(strands[0].isDaemon)
    }

    @Test func `a foreign thread's strand ends with the thread`() async throws {
        let seen = Box<Strand?>(nil)
        try await onForeignThread { seen.set(.current) }
        let strand = try #require(seen.value)
        #expect(try await strand.join(within: nil))
        #expect(!strand.isAlive)
    }

    @Test func `a foreign thread can wait and be woken`() async throws {
        let gate = Gate()
        let outcome = Box<WaitOutcome?>(nil)
        try startThread(name: "foreign") { outcome.set(gate.wait()) }
        try await until { gate.hasWaiters }
        gate.open()
        try await until { outcome.value != nil }
        #expect(outcome.value == .woken)
    }

    @Test func `numbers are unique, names are the given one or kind and number`() {
        let strands = (0..<100).map { _ in ThreadStrand(name: nil, isDaemon: false) }
        #expect(Set(strands.map(\.id)).count == 100)
        #expect(strands[0].name == "thread-\(strands[0].id)")
        #expect(ThreadStrand(name: "worker", isDaemon: false).name == "worker")
        let first = StrandNumber.reserve(10)
        #expect(StrandNumber.reserve() >= first + 10)
    }

    @Test func `a waiting strand shows what it waits for and since when`() async throws {
        let gate = Gate()
        let seen = Box<Strand?>(nil)
        let before = monotonicNow()
        try startThread(name: "foreign") {
            seen.set(.current)
            _ = gate.wait()
        }
        try await until { gate.hasWaiters }
        let strand = try #require(seen.value)
        let snapshot = try #require(strand.currentWait)
        #expect(snapshot.strand === strand)
        #expect(snapshot.verb == "Gate.wait")
        #expect(snapshot.object == ObjectIdentifier(gate))
        #expect(snapshot.since.nanoseconds >= before)
        #expect(snapshot.since.nanoseconds <= monotonicNow())
        #expect(snapshot.description.hasPrefix("\(strand.name): Gate.wait on 0x"))
        #expect(snapshot.description.hasSuffix(" ms"))
        gate.open()
        try await until { !strand.isAlive }
        #expect(strand.currentWait == nil)
    }

    @Test func `a running strand waits for nothing`() async throws {
        try await onThread { #expect(Strand.current.currentWait == nil) }
    }

    @Test func `a wait that has been ended is not shown any more`() async throws {
        let gate = Gate()
        try await onThread {
            _ = Parking.block(on: WaitTarget("Test.wait", gate), until: .never) { waiter in
                #expect(Strand.current.currentWait?.verb == "Test.wait")
                _ = waiter.settle(.woken)
                #expect(Strand.current.currentWait == nil)
                waiter.unpark()
                return true
            } withdraw: { _ in
            }
        }
    }
}
