import PlaitParking
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// Scopes of tasks, whose strands are threads and other threads' fibers.
struct TaskScopeTests {
    struct Failure: Error, Equatable { let number: Int }

    @Test func `a scope returns its body's value when its strands have ended`() async throws {
        let ended = Box(0)
        let value = try await withScope { scope in
            let goOn = Event()
            for _ in 0..<3 {
                scope.spawn(.thread) {
                    try goOn.wait()
                    ended.update { $0 += 1 }
                }
                scope.spawn(.fiber, on: SharedHubs.first) {
                    try goOn.wait()
                    ended.update { $0 += 1 }
                }
            }
            goOn.set()
            return 7
        }
        #expect(value == 7)
        #expect(ended.value == 6)
    }

    @Test func `a strand's error cancels the body and the other strands`() async throws {
        await #expect(throws: Failure(number: 1)) {
            try await withScope { scope in
                let other = scope.spawn(.fiber, on: SharedHubs.first) { try Event().wait() }
                scope.spawn(.thread) { throw Failure(number: 1) }
                await #expect(throws: CancellationError.self) {
                    try await Task.sleep(for: .seconds(3_600))
                }
                await #expect(throws: CancellationError.self) {
                    try await other.join()
                }
            }
        }
    }

    @Test func `the body's error cancels the strands`() async throws {
        let cancelled = Box(0)
        await #expect(throws: Failure(number: 2)) {
            try await withScope { scope in
                for _ in 0..<2 {
                    scope.spawn(.thread) {
                        do {
                            try Event().wait()
                        } catch {
                            cancelled.update { $0 += 1 }
                            throw error
                        }
                    }
                }
                throw Failure(number: 2)
            }
        }
        #expect(cancelled.value == 2)
    }

    @Test func `a cancellation of the task reaches the body and the strands`() async throws {
        let waiting = CountingSemaphore(permits: 0)
        let task = Task {
            try await withScope { scope in
                scope.spawn(.thread) {
                    waiting.release()
                    try Event().wait()
                }
                try await Event().wait()
            }
        }
        try await waiting.acquire()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `scopes that wait occupy no thread of Swift's pool`() async throws {
        let open = Event()
        let inside = CountingSemaphore(permits: 0)
        // More than that pool has threads.
        let scopes = (0..<32).map { _ in
            Task {
                try await withScope { scope in
                    _ = scope.spawn(.fiber, on: SharedHubs.first) {
                        inside.release()
                        try open.wait()
                    }
                }
            }
        }
        for _ in scopes { try await inside.acquire() }
        open.set()
        for scope in scopes { try await scope.value }
    }

    @Test func `a background hub is started and stopped by a task`() async throws {
        let background = try await Hub.start(name: "of a task")
        let fiber = spawn(.fiber, on: background.hub) { Strand.current.kind }
        #expect(try await fiber.join() == .fiber)
        try await background.stop()
    }
}
