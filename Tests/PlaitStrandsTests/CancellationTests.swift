import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// Cancelling strands: `Fiber.cancel` and `ThreadStrand.cancel`.
struct CancellationTests {
    @Test(arguments: StrandKind.allCases)
    func `cancelled before it starts, a strand runs until its first wait`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let mayStart = Event()
            let reached = Box<[String]>([])
            let handle = spawn(kind: kind) {
                // A thread starts at once: it must be cancelled before its first wait in Plait.
                while kind == .thread && !mayStart.isSet { yieldThread() }
                reached.update { $0.append("body") }
                try Strand.sleep(for: .seconds(600))
                reached.update { $0.append("slept") }
            }
            handle.cancel()
            mayStart.set()
            #expect(throws: CancellationError.self) { try handle.join() }
            #expect(reached.value == ["body"])
            #expect(handle.strand.isCancelled)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a wait is ended by cancel, from the same thread or another`(
        _ kind: StrandKind
    ) async throws {
        for usesOtherThread in [false, true] {
            try await onThread {
                let started = Event()
                let handle = spawn(kind: kind) {
                    started.set()
                    try Event().wait()
                }
                try started.wait()
                if usesOtherThread {
                    try spawn(.thread) { handle.cancel() }.join()
                } else {
                    handle.cancel()
                }
                #expect(throws: CancellationError.self) { try handle.join() }
            }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `one cancel delivers one error`(_ kind: StrandKind) async throws {
        try await onThread {
            let ready = Event()
            let goOn = Event()
            let handle = spawn(kind: kind) {
                ready.set()
                var errors = 0
                do { try Event().wait() } catch { errors += 1 }
                for _ in 0..<3 {
                    do { try Strand.sleep(for: .microseconds(10)) } catch { errors += 1 }
                }
                do { try goOn.wait() } catch { errors += 1 }
                return (errors, Strand.current.isCancelled)
            }
            try ready.wait()
            handle.cancel()
            goOn.set()
            let (errors, isCancelled) = try handle.join()
            #expect(errors == 1)
            #expect(isCancelled)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a second cancel ends a second wait`(_ kind: StrandKind) async throws {
        try await onThread {
            let caught = Event()
            let handle = spawn(kind: kind) {
                do { try Event().wait() } catch { caught.set() }
                try Event().wait()
            }
            handle.cancel()
            try caught.wait()
            handle.cancel()
            #expect(throws: CancellationError.self) { try handle.join() }
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a strand that was not cancelled does not say so`(_ kind: StrandKind) async throws {
        try await onThread {
            let isCancelled = try spawn(kind: kind) { Strand.current.isCancelled }.join()
            #expect(!isCancelled)
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a strand may cancel itself: its next wait throws`(_ kind: StrandKind) async throws {
        try await onThread {
            let handle = spawn(kind: kind) {
                Strand.current.cancel()
                #expect(throws: CancellationError.self) { try Event().wait() }
                Strand.yield()
            }
            try handle.join()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `a wait that need not wait leaves the cancellation to the next one`(
        _ kind: StrandKind
    ) async throws {
        try await onThread {
            let isSet = Event(isSet: true)
            let handle = spawn(kind: kind) {
                Strand.current.cancel()
                try isSet.wait()
                #expect(throws: CancellationError.self) { try Event().wait() }
            }
            try handle.join()
        }
    }

    @Test(arguments: StrandKind.allCases)
    func `cancelling a strand that has ended does nothing`(_ kind: StrandKind) async throws {
        // Also after the thread is gone on which it ran.
        let handle = try await onThread {
            let handle = spawn(kind: kind) { 3 }
            try handle.join()
            handle.cancel()
            return handle
        }
        // Fills what the thread's hub has freed, so that a use of it would not go unseen.
        try await onThread { try spawn(.fiber) {}.join() }
        handle.cancel()
        handle.strand.cancel()
        #expect(handle.strand.currentWait == nil)
        #expect(try await handle.join() == 3)
    }

    @Test func `fibers of a hub that ends are cancelled from afar without harm`() async throws {
        for _ in 0..<200 {
            let made = Queue<JoinHandle<Void>>(capacity: 4)
            let thread = spawn(.thread) {
                let fibers = (0..<3).map { _ in spawn(.fiber) { Strand.yield() } }
                for fiber in fibers { try made.put(fiber) }
            }
            var fibers: [JoinHandle<Void>] = []
            for _ in 0..<3 { fibers.append(try await made.get()) }
            for fiber in fibers { fiber.cancel() }
            try await thread.join()
            for fiber in fibers {
                fiber.cancel()
                #expect(!fiber.isAlive)
            }
        }
    }

    @Test func `the order of wakeups is kept among those that are not cancelled`() async throws {
        try await onThread {
            let queue = Queue<Int>(capacity: 1)
            var got: [Int: Int] = [:]
            let getters = (0..<5).map { number in
                spawn(.fiber) { got[number] = try queue.get() }
            }
            Strand.yield()
            getters[0].cancel()
            getters[2].cancel()
            for item in [10, 20, 30] { try queue.put(item) }
            for getter in getters { try? getter.join() }
            #expect(got == [1: 10, 3: 20, 4: 30])
        }
    }
}
