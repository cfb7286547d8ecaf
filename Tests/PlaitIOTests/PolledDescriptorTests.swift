import PlaitIO
import PlaitParking
import PlaitPlatform
import PlaitStrands
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct PolledDescriptorTests {
    /// Waits until it is readable, on a thread with a hub of its own, which ends.
    private func waitOnce(_ descriptor: PolledDescriptor) async throws {
        try await onThread {
            let isReady = try spawn(.fiber) {
                try descriptor.wait(for: .readable, until: .never)
            }.join()
            #expect(isReady)
        }
    }

    @Test func `a descriptor forgets the hubs that have ended`() async throws {
        let descriptor = PolledDescriptor(owning: try makeEventCounter().release())
        signalEventCounter(descriptor.number)
        for _ in 0..<50 { try await waitOnce(descriptor) }
        #expect(descriptor.loopCount == 1)
        descriptor.close { _ in }
        #expect(descriptor.isClosed && descriptor.loopCount == 0)
    }

    @Test func `a hub that lives keeps its place while others come and go`() async throws {
        let descriptor = PolledDescriptor(owning: try makeEventCounter().release())
        for isFirst in [true, false] {
            // Another has it first, or the one that stays.
            if !isFirst {
                signalEventCounter(descriptor.number)
                try await waitOnce(descriptor)
                drainEventCounter(descriptor.number)
            }
            let background = try await onThread { try Hub.start(name: "stays") }
            let waiting = try await onThread {
                let waiting = spawn(.fiber, on: background.hub) {
                    try descriptor.wait(for: .readable, until: .never)
                }
                // It waits once others are looked at.
                try spawn(.fiber, on: background.hub) { Strand.yield() }.join()
                return waiting
            }
            let short = (0..<10).map { _ in
                spawn(.thread) {
                    try spawn(.fiber) {
                        try descriptor.wait(
                            for: .readable, until: Deadline(within: .milliseconds(1)))
                    }.join()
                }
            }
            for wait in short {
                let isReady = try await wait.join()
                #expect(!isReady)
            }
            signalEventCounter(descriptor.number)
            let isReady = try await waiting.join()
            #expect(isReady)
            try await waitOnce(descriptor)
            // The one that stays, the last, and perhaps one that ended since.
            #expect((1...3).contains(descriptor.loopCount))
            drainEventCounter(descriptor.number)
            try await onThread { try background.stop() }
        }
    }

    @Test func `strands of a hub wait for one descriptor at the same time`() async throws {
        let counter = try makeEventCounter().release()
        defer { closeDescriptor(counter) }
        try await onThread {
            let waits = (0..<3).map { _ in
                spawn(.fiber) { try Strand.waitReadable(counter, until: .never) }
            }
            Strand.yield()
            signalEventCounter(counter)
            let isReady = try waits.map { try $0.join() }
            #expect(isReady == [true, true, true])
        }
    }
}
