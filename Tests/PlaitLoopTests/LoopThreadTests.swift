import PlaitLoop
import PlaitPlatform
import PlaitStrands
import TestSupport
import Testing

/// A loop belongs to one thread.
struct LoopThreadTests {
    @Test(arguments: [
        ("schedule", "Loop.schedule"), ("scheduleAfter", "Loop.schedule"),
        ("cancel", "LoopTimer.cancel"), ("round", "Loop.runOnce"), ("watch", "Loop.watch"),
        ("timers", "Loop.timerCount"), ("statistics", "Hub.stackStatistics"),
    ])
    func `a verb of the loop's thread traps on another`(_ what: String, _ verb: String) async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [what] in
            try await onThread {
                let hub = Hub.current
                let loop = hub.loop
                let timer = loop.schedule(after: .seconds(600)) {}
                try spawn(.thread, name: "stranger") {
                    switch what {
                    case "schedule": loop.schedule(at: .immediate) {}
                    case "scheduleAfter": loop.schedule(after: .zero) {}
                    case "cancel": timer.cancel()
                    case "round": loop.runOnce(until: .immediate)
                    case "watch": _ = try loop.watch([.user1]) { _ in }
                    case "timers": _ = loop.timerCount
                    default: _ = hub.stackStatistics
                    }
                }.join()
            }
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(
            output.contains("plait: \(verb) on thread stranger, for a loop of another thread"),
            "\(output)")
    }

    @Test func `a verb of a loop whose thread has ended traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let hub = try await onThread { Hub.current }
            try await onThread { hub.loop.schedule(at: .immediate) {} }
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(output.contains("for a loop whose thread has ended"), "\(output)")
    }

    @Test func `a loop without a hub belongs to the first thread that uses it`() async throws {
        let loop = try Loop()
        try await onThread {
            var hasFired = false
            loop.schedule(at: .immediate) { hasFired = true }
            loop.runOnce(until: .immediate)
            #expect(hasFired)
        }
    }
}
