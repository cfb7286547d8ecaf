import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

enum FillMemory: ProcessFunction {
    static func run(_ memory: SharedMemory) throws -> Int {
        for place in 0..<memory.bytes / 8 { memory.store(Int64(place), at: 8 * place) }
        return memory.bytes
    }
}

/// Takes a lock, and ends as told.
enum HoldLock: ProcessFunction {
    struct Plan: Codable, Sendable {
        let lock: ProcessLock
        let memory: SharedMemory
        let ending: String
    }

    static func run(_ plan: Plan) throws -> Nothing {
        try plan.lock.acquire()
        plan.memory.store(UInt8(1), at: 0)
        switch plan.ending {
        case "exit": exit(0)
        case "kill": kill(getpid(), SIGKILL)
        case "wait": try Strand.sleep(for: .seconds(3_600))
        default: break
        }
        plan.lock.release()
        return Nothing()
    }
}

/// Takes a lock, drops it, and ends by a signal.
enum ForgetHeldLock: ProcessFunction {
    static func run(_ lock: ProcessLock) throws -> Nothing {
        try take(lock)
        try Signal.kill.raise()
        return Nothing()
    }

    /// By another object of the same lock, which goes with this function's frame.
    private static func take(_ lock: ProcessLock) throws {
        let bag = DescriptorBag()
        let bytes = try MessagePackEncoder().encode(lock, with: bag)
        let copies = try DescriptorBag(copying: bag)
        let copy = try MessagePackDecoder().decode(ProcessLock.self, from: bytes, with: copies)
        try copy.acquire()
    }
}

/// Adds to a number that is not atomic, many times.
enum AddUnderLock: ProcessFunction {
    struct Plan: Codable, Sendable {
        let lock: ProcessLock
        let memory: SharedMemory
        let times: Int
    }

    static func run(_ plan: Plan) throws -> Nothing {
        for _ in 0..<plan.times {
            try plan.lock.withLock { _ in
                plan.memory.store(plan.memory.load(at: 0, as: Int.self) + 1, at: 0)
            }
        }
        return Nothing()
    }
}

@Suite(.timeLimit(.hang))
struct SharingTests {
    static let methods: [StartMethod] = [.forkServer, .spawn]

    // MARK: Memory

    // MP-100
    @Test(arguments: methods)
    func `what a child writes into shared memory, the parent reads`(
        _ method: StartMethod
    ) async throws {
        try await onThread {
            let memory = try SharedMemory(bytes: 80_000)
            let bytes = try spawn(.process, FillMemory.self, memory, method: method).join()
            #expect(bytes == 80_000)
            for place in [0, 1, 4_321, 9_999] {
                #expect(memory.load(at: 8 * place, as: Int64.self) == Int64(place))
            }
            #expect(memory.withBytes { $0.byteCount } == 80_000)
        }
    }

    @Test func `beyond its end shared memory traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let memory = try SharedMemory(bytes: 10)
            memory.store(Int64(1), at: 3)
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("8 bytes at 3 of a SharedMemory of 10 bytes"))
    }

    @Test func `shared memory is not for any encoder`() throws {
        let memory = try SharedMemory(bytes: 10)
        #expect(throws: SharingError.notOnTheWay("SharedMemory")) {
            try MessagePackEncoder().encode(memory)
        }
    }

    // MARK: Locks

    @Test func `a lock excludes, with and without limits`() async throws {
        try await onThread {
            let lock = try ProcessLock()
            #expect(lock.tryAcquire() == .acquired)
            let other = spawn(.thread) {
                (lock.tryAcquire(), try lock.acquire(within: .milliseconds(5)))
            }
            let (tried, waited) = try other.join()
            #expect(tried == nil && waited == nil)
            let kernelID = Box<Int32>(0)
            let waiting = spawn(.thread) {
                kernelID.set(kernelThreadID())
                let acquisition = try lock.acquire()
                lock.release()
                return acquisition
            }
            while kernelID.value == 0 || !isAsleep(kernelID.value) { Strand.yield() }
            lock.release()
            let acquisition = try waiting.join()
            #expect(acquisition == .acquired)
        }
    }

    @Test func `release by who does not hold it traps`() async {
        await #expect(processExitsWith: .failure) {
            try ProcessLock().release()
        }
    }

    @Test(arguments: methods)
    func `nothing is lost under a lock that processes, threads and fibers share`(
        _ method: StartMethod
    ) async throws {
        let sum = try await onThread {
            let (lock, memory) = (try ProcessLock(), try SharedMemory(bytes: 8))
            let times = Stress.few
            let plan = AddUnderLock.Plan(lock: lock, memory: memory, times: times)
            let children = try (0..<2).map { _ in
                try spawn(.process, AddUnderLock.self, plan, method: method)
            }
            let threads = (0..<2).map { _ in spawn(.thread) { try AddUnderLock.run(plan) } }
            let fibers = (0..<2).map { _ in spawn(.fiber) { try AddUnderLock.run(plan) } }
            for child in children { try child.join() }
            for thread in threads { try thread.join() }
            for fiber in fibers { try fiber.join() }
            return memory.load(at: 0, as: Int.self) - 6 * times
        }
        #expect(sum == 0)
    }

    @Test(arguments: ["exit", "kill"])
    func `who comes after a holder that died is told`(_ ending: String) async throws {
        try await onThread {
            let (lock, memory) = (try ProcessLock(), try SharedMemory(bytes: 1))
            let plan = HoldLock.Plan(lock: lock, memory: memory, ending: ending)
            #expect(throws: WorkerCrashed.self) {
                try spawn(.process, HoldLock.self, plan).join()
            }
            let first = try lock.acquire()
            lock.release()
            let second = try lock.acquire()
            lock.release()
            #expect(first == .ownerDied && second == .acquired)
        }
    }

    @Test func `a lock whose object is gone while it is held tells of its holder's death`()
        async throws
    {
        try await onThread {
            let lock = try ProcessLock()
            #expect(throws: WorkerCrashed.self) {
                try spawn(.process, ForgetHeldLock.self, lock).join()
            }
            #expect(lock.tryAcquire() == .ownerDied)
            lock.release()
        }
    }

    @Test func `zero tries a lock once, and a thread that waits for one says so`() async throws {
        try await onThread {
            let lock = try ProcessLock()
            try lock.acquire()
            let waiting = spawn(.thread) {
                let tried = try lock.acquire(within: .zero)
                return (tried, try lock.acquire())
            }
            while waiting.strand.currentWait?.verb != "ProcessLock.acquire" { Strand.yield() }
            waiting.cancel()
            #expect(throws: CancellationError.self) { try waiting.join() }
            #expect(lock.isHeldByThread && "\(lock)".contains("held by thread"))
            lock.release()
            #expect("\(lock)" == "ProcessLock(free)")
        }
    }

    @Test func `more fibers wait than one thread can sleep for`() async throws {
        try await onThread {
            let events = try (0..<300).map { _ in try ProcessEvent() }
            let order = Box<[Int]>([])
            let waits = events.indices.map { place in
                spawn(.fiber) {
                    try events[place].wait()
                    order.update { $0.append(place) }
                }
            }
            for wait in waits { while wait.strand.currentWait == nil { Strand.yield() } }
            for event in events.shuffled() { event.set() }
            for wait in waits { try wait.join() }
            #expect(order.value.sorted() == Array(0..<300))
        }
    }

    @Test(arguments: WaiterKind.allCases)
    func `threads, fibers and tasks wait for events and permits, and are cancelled`(
        _ kind: WaiterKind
    ) async throws {
        let event = try ProcessEvent()
        let semaphore = try ProcessSemaphore(permits: 0)
        let both = kind.start {
            try event.wait() && semaphore.acquire()
        } task: {
            let isSet = try await event.wait()
            let isAcquired = try await semaphore.acquire()
            return isSet && isAcquired
        }
        try await both.untilParked()
        event.set()
        semaphore.release()
        #expect(try await both.value())
        event.clear()
        let cancelled = kind.start {
            try event.wait()
        } task: {
            try await event.wait()
        }
        try await cancelled.untilParked()
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value() }
        let limited = kind.start {
            try semaphore.acquire(within: .milliseconds(5))
        } task: {
            try await semaphore.acquire(within: .milliseconds(5))
        }
        #expect(try await !limited.value())
    }

    @Test(arguments: WaiterKind.allCases.filter { $0 != .task })
    func `who waits already gets it when its holder is killed`(_ kind: WaiterKind) async throws {
        try await onThread {
            let (lock, memory) = (try ProcessLock(), try SharedMemory(bytes: 1))
            let plan = HoldLock.Plan(lock: lock, memory: memory, ending: "wait")
            let holder = try spawn(.process, HoldLock.self, plan)
            while memory.load(at: 0, as: UInt8.self) == 0 { Strand.yield() }
            let kernelID = Box<Int32>(0)
            let body: @Sendable () throws -> ProcessLock.Acquisition = {
                kernelID.set(kernelThreadID())
                let acquisition = try lock.acquire()
                lock.release()
                return acquisition
            }
            let waiting =
                kind == .thread ? spawn(.thread, body) : spawn(.fiber, body)
            if kind == .thread {
                while kernelID.value == 0 || !isAsleep(kernelID.value) { Strand.yield() }
            } else {
                while waiting.strand.currentWait == nil { Strand.yield() }
            }
            holder.kill()
            let acquisition = try waiting.join()
            #expect(acquisition == .ownerDied)
        }
    }

    @Test func `a fiber that waits for a lock holds nobody up, and can be cancelled`() async throws
    {
        try await onThread {
            let lock = try ProcessLock()
            let isHeld = Event()
            let mayEnd = Event()
            let holder = spawn(.thread) {
                try lock.acquire()
                isHeld.set()
                try mayEnd.wait()
                lock.release()
            }
            try isHeld.wait()
            let waiting = spawn(.fiber) { try lock.acquire() }
            var rounds = 0
            let other = spawn(.fiber) {
                for _ in 0..<10 {
                    try Strand.sleep(for: .milliseconds(1))
                    rounds += 1
                }
            }
            try other.join()
            #expect(rounds == 10 && waiting.isAlive)
            waiting.cancel()
            #expect(throws: CancellationError.self) { try waiting.join() }
            mayEnd.set()
            try holder.join()
        }
    }
}

enum Stress {
    /// Rounds of what takes microseconds each.
    static let few = 3_000
}
