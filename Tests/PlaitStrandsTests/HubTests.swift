import PlaitLoop
import PlaitParking
import PlaitPlatform
import PlaitSelectors
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

struct HubTests {
    @Test func `a thread has one hub, made on first use`() async throws {
        try await onThread {
            let hub = Hub.current
            #expect(Hub.current === hub)
            let ofFiber = try spawn(.fiber) { Hub.current }.join()
            #expect(ofFiber === hub)
            let ofThread = try spawn(.thread) { Hub.current }.join()
            #expect(ofThread !== hub)
        }
    }

    @Test func `making a second hub on a thread traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await spawn(.thread, name: "greedy") {
                try Hub.make()
                try Hub.make()
            }.join()
        }
        #expect(text(of: result).contains("thread greedy has a hub already"))
    }

    @Test func `a hub on another selector serves fibers, timers and other threads`() async throws {
        try await onThread {
            try Hub.make(selector: PollSelector())
            let event = Event()
            let waiter = spawn(.fiber) { try event.wait() }
            let sleeper = spawn(.fiber) { try Strand.sleep(for: .milliseconds(1)) }
            Strand.yield()
            try spawn(.thread) { event.set() }.join()
            try waiter.join()
            try sleeper.join()
        }
    }

    @Test func `a thread ends only after its fibers`() async throws {
        let ended = Box(0)
        try await onThread {
            for _ in 0..<5 {
                spawn(.fiber) {
                    try Strand.sleep(for: .milliseconds(1))
                    // Also those that are started meanwhile.
                    spawn(.fiber) {
                        Strand.yield()
                        ended.update { $0 += 1 }
                    }
                }
            }
        }
        #expect(ended.value == 5)
    }

    @Test func `when a thread ends, daemon fibers are cancelled until they end`() async throws {
        let cancellations = Box(0)
        try await onThread {
            spawn(.fiber, isDaemon: true) {
                for _ in 0..<3 {
                    do { try Event().wait() } catch { cancellations.update { $0 += 1 } }
                }
            }
            Strand.yield()
        }
        #expect(cancellations.value == 3)
    }

    @Test(arguments: ["callback", "timer", "task"])
    func `a wait in a callback of the loop traps with what it would wait for`(
        _ place: String
    ) async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [place] in
            try await onThread {
                let hub = Hub.current
                switch place {
                case "callback": hub.post { try? Event().wait() }
                case "timer": hub.loop.schedule(after: .zero) { try? Event().wait() }
                default: Task.detached(executorPreference: hub.executor) { waitSynchronously() }
                }
                try Strand.sleep(for: .seconds(600))
            }
        }
        #expect(
            text(of: result).contains(
                "plait: Event.wait would wait inside a callback or task that runs on a hub's loop"))
    }

    @Test func `a fiber that yields for ever starves neither timers nor messages`() async throws {
        try await onThread {
            let mayEnd = Box(false)
            let spinners = (0..<3).map { _ in
                spawn(.fiber) { while !mayEnd.value { Strand.yield() } }
            }
            try Strand.sleep(for: .milliseconds(1))
            try spawn(.fiber) { try Strand.sleep(for: .milliseconds(1)) }.join()
            let event = Event()
            try spawn(.thread) { event.set() }.join()
            try event.wait()
            let hub = Hub.current
            try spawn(.thread) {
                try spawn(.fiber, on: hub) {}.join()
                hub.post { mayEnd.set(true) }
            }.join()
            for spinner in spinners { try spinner.join() }
        }
    }

    @Test func `two fibers that wake each other for ever starve nobody`() async throws {
        try await onThread {
            let mayEnd = Box(false)
            let there = Queue<Int>(capacity: 1)
            let back = Queue<Int>(capacity: 1)
            let server = spawn(.fiber) {
                while let item = try? there.get() { try back.put(item) }
            }
            let client = spawn(.fiber) {
                while !mayEnd.value {
                    try there.put(1)
                    _ = try back.get()
                }
                there.shutDown()
            }
            try Strand.sleep(for: .milliseconds(1))
            let hub = Hub.current
            try spawn(.thread) { hub.post { mayEnd.set(true) } }.join()
            try client.join()
            try server.join()
        }
    }

    @Test func `100,000 fibers park and are woken`() async throws {
        try await onThread { try HubTests.parkAndWake(100_000) }
    }

    @Test(
        .enabled(
            if: isSet("PLAIT_SLOW"), "takes 5 GB of memory: set PLAIT_SLOW to run it"))
    func `one million fibers park and are woken`() async throws {
        try await onThread { try HubTests.parkAndWake(1_000_000) }
    }

    private static func parkAndWake(_ count: Int) throws {
        let event = Event()
        var woken = 0
        let parked = Box(0)
        for _ in 0..<count {
            spawn(.fiber) {
                parked.update { $0 += 1 }
                try event.wait()
                woken += 1
            }
        }
        let last = spawn(.fiber) {}
        try last.join()
        #expect(parked.value == count)
        #expect(Hub.current.stackStatistics.inUse >= count)
        event.set()
        while woken < count { Strand.yield() }
        #expect(woken == count)
    }
}

/// The wait of sync code that a task calls.
private func waitSynchronously() { try? Event().wait() }
