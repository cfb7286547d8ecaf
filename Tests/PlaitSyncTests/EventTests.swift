import PlaitParking
import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct EventTests {
    // TH-016, AS-119
    @Test func `it is clear at first; setting and clearing may be repeated`() {
        let event = Event()
        #expect(!event.isSet)
        event.set()
        event.set()
        #expect(event.isSet)
        event.clear()
        event.clear()
        #expect(!event.isSet)
        #expect(Event(isSet: true).isSet)
    }

    // TH-018, GV-063
    @Test(arguments: StrandKind.allCases)
    func `a timed wait tells whether it was set`(_ kind: StrandKind) async throws {
        let event = Event()
        try await onStrand(kind) { () throws in
            #expect(try !event.wait(within: .zero))
            #expect(try !event.wait(within: .milliseconds(1)))
            event.set()
            #expect(try event.wait(within: .zero))
            #expect(try event.wait(within: .milliseconds(1)))
            try event.wait()
        }
    }

    @Test func `a task's timed wait tells whether it was set`() async throws {
        let event = Event()
        #expect(try await !event.wait(within: .zero))
        #expect(try await !event.wait(within: .milliseconds(1)))
        event.set()
        #expect(try await event.wait(within: .zero))
        try await event.wait()
    }

    // GV-061
    @Test func `a waiter that was woken returns, though it was cleared since`() async throws {
        let event = Event()
        let waiting = WaiterKind.allCases.map { kind in
            kind.start({ try event.wait(within: nil) }, task: { try await event.wait(within: nil) })
        }
        for waiter in waiting { try await waiter.untilParked() }
        event.set()
        event.clear()
        for waiter in waiting { #expect(try await waiter.value()) }
        #expect(!event.isSet)
    }

    // TH-019, AS-117
    @Test func `it shows whether it is set`() {
        let event = Event()
        #expect("\(event)".hasPrefix("Event(unset, "))
        event.set()
        #expect("\(event)".hasPrefix("Event(set, "))
    }

    @Test func `an uncancellable wait goes on until it is set`() async throws {
        let event = Event()
        let waiting = WaiterKind.thread.start(
            {
                event.waitUncancellably()
                #expect(event.isSet)
                #expect(throws: CancellationError.self) { try Event().wait() }
            }, task: {})
        try await waiting.untilParked()
        waiting.cancel()
        event.set()
        try await waiting.value()
    }

    @Test func `setting publishes what was written before`() async throws {
        final class Message: @unchecked Sendable {
            // Sendable: `isReady` orders the one write before the reads.
            var text = ""
            let isReady = Event()
        }
        for _ in 0..<200 {
            let message = Message()
            async let reader = onThread {
                try message.isReady.wait()
                return message.text
            }
            message.text = "ready"
            message.isReady.set()
            #expect(try await reader == "ready")
        }
    }
}
