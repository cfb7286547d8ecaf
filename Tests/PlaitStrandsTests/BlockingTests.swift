import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct BlockingTests {
    struct Failure: Error, Equatable {}

    /// Not `Sendable`.
    final class Parcel {
        var weight: Int
        init(weight: Int) { self.weight = weight }
    }

    @Test(arguments: WaiterKind.allCases)
    func `a call runs on a thread of the bulkhead`(_ kind: WaiterKind) async throws {
        let bulkhead = Bulkhead(limit: 2, name: "hold")
        let name = try await kind.start(
            { try blocking(on: bulkhead) { Strand.current.name } },
            task: { try await blocking(on: bulkhead) { Strand.current.name } }
        ).value()
        #expect(name == "hold-0")
        #expect(bulkhead.name == "hold" && bulkhead.limit == 2)
        #expect(bulkhead.statistics.completed == 1)
    }

    @Test(arguments: WaiterKind.allCases)
    func `its error is thrown`(_ kind: WaiterKind) async throws {
        let bulkhead = Bulkhead(limit: 1)
        let call = kind.start(
            { try blocking(on: bulkhead) { throw Failure() } },
            task: { try await blocking(on: bulkhead) { throw Failure() } })
        await #expect(throws: Failure.self) { try await call.value() }
    }

    @Test func `results and arguments need not be Sendable`() async throws {
        let parcel = Parcel(weight: 20)
        let heavier = try await blocking {
            parcel.weight += 1
            return Parcel(weight: parcel.weight * 2)
        }
        heavier.weight += 1
        #expect(heavier.weight == 43)
        let bulkhead = Bulkhead(limit: 1)
        try await onThread {
            let light = try blocking(on: bulkhead) { Parcel(weight: 1) }
            light.weight += 1
            #expect(light.weight == 2)
        }
    }

    @Test func `without a name it is the shared bulkhead that fibers and tasks use`() async throws {
        let ofTask = try await blocking { Strand.current.name }
        let ofFiber = try await spawn(.fiber, on: SharedHubs.first) {
            try blocking { Strand.current.name }
        }.join()
        for name in [ofTask, ofFiber] { #expect(name.hasPrefix("blocking-")) }
        #expect(Bulkhead.shared.name == "blocking" && Bulkhead.shared.limit == 64)
    }

    @Test func `a thread without a hub runs the call itself, one with a hub does not`() async throws
    {
        try await onThread {
            let own = kernelThreadID()
            #expect(try blocking { kernelThreadID() } == own)
            try Hub.make()
            #expect(try blocking { kernelThreadID() } != own)
        }
    }

    @Test func `a call within a call on the same bulkhead needs no second thread`() async throws {
        let bulkhead = Bulkhead(limit: 1)
        let result = try await blocking(on: bulkhead) {
            try blocking(on: bulkhead) { try blocking { Strand.current.name } }
        }
        #expect(result == "\(bulkhead.name)-0")
        #expect(bulkhead.statistics.completed == 1)
    }

    @Test func `the other fibers of a hub go on meanwhile`() async throws {
        try await onThread {
            let goOn = Event()
            let blocked = spawn(.fiber) { try blocking { try goOn.wait() } }
            let other = spawn(.fiber) {
                for _ in 0..<10 { Strand.yield() }
                goOn.set()
            }
            try blocked.join()
            try other.join()
        }
    }

    @Test func `calls beyond the limit wait, and beyond the queue outside of it`() async throws {
        let bulkhead = Bulkhead(limit: 2, queueCapacity: 1, idleLimit: .seconds(3_600))
        let goOn = Event()
        let calls = (0..<5).map { number in
            WaiterKind.fiber.start(
                {
                    try blocking(on: bulkhead) {
                        try goOn.wait()
                        return number
                    }
                }, task: { 0 })
        }
        for call in calls { try await call.untilParked() }
        let figures = bulkhead.statistics
        #expect(figures.threads == 2 && figures.running <= 2 && figures.queued >= 1)
        goOn.set()
        for (number, call) in calls.enumerated() { #expect(try await call.value() == number) }
        #expect(bulkhead.statistics.threads == 2)
    }

    // EV-112
    @Test(arguments: WaiterKind.allCases)
    func `one who submits the call may stop waiting for it`(_ kind: WaiterKind) async throws {
        let bulkhead = Bulkhead(limit: 1)
        let goOn = Event()
        let call = try await bulkhead.submit {
            try goOn.wait()
            return 1
        }
        let waiting = kind.start(
            { try call.result(within: .milliseconds(1)) },
            task: { try await call.result(within: .milliseconds(1)) })
        await #expect(throws: TimedOut.self) { try await waiting.value() }
        goOn.set()
        #expect(try await call.result() == 1)
    }

    @Test func `the limit may be raised while calls wait`() async throws {
        let bulkhead = Bulkhead(limit: 1)
        let goOn = Event()
        let first = try await bulkhead.submit { try goOn.wait() }
        let second = try await bulkhead.submit { goOn.set() }
        bulkhead.limit = 2
        try await second.result()
        try await first.result()
    }

    // MARK: Cancelling

    @Test(arguments: WaiterKind.allCases)
    func `who is cancelled before the call runs stops waiting, and it never runs`(
        _ kind: WaiterKind
    ) async throws {
        let bulkhead = Bulkhead(limit: 1)
        let (started, goOn, ran) = (Event(), Event(), Box(false))
        let first = try await bulkhead.submit {
            started.set()
            try goOn.wait()
        }
        try await started.wait()
        let call = kind.start(
            { try blocking(on: bulkhead) { ran.set(true) } },
            task: { try await blocking(on: bulkhead) { ran.set(true) } })
        try await call.untilParked()
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value() }
        #expect(bulkhead.statistics.queued == 0)
        goOn.set()
        try await first.result()
        #expect(try await blocking(on: bulkhead) { !ran.value })
    }

    @Test(arguments: WaiterKind.allCases)
    func `who is cancelled while the call runs gets its result, and the next wait throws`(
        _ kind: WaiterKind
    ) async throws {
        let bulkhead = Bulkhead(limit: 1)
        let (started, goOn) = (Event(), Event())
        let results = Box<[Int]>([])
        let call = kind.start(
            {
                let result = try blocking(on: bulkhead) {
                    started.set()
                    try goOn.wait()
                    return 1
                }
                results.update { $0.append(result) }
                try Event().wait()
            },
            task: {
                let result = try await blocking(on: bulkhead) {
                    started.set()
                    try goOn.wait()
                    return 1
                }
                results.update { $0.append(result) }
                try await Event().wait()
            })
        try await started.wait()
        try await call.untilParked()
        call.cancel()
        #expect(results.value == [])
        goOn.set()
        await #expect(throws: CancellationError.self) { try await call.value() }
        #expect(results.value == [1])
    }

    @Test(arguments: WaiterKind.allCases)
    func `a call that waited in the queue and runs is not given up either`(
        _ kind: WaiterKind
    ) async throws {
        let bulkhead = Bulkhead(limit: 1)
        let (mayStart, started, goOn) = (Event(), Event(), Event())
        try await bulkhead.submit { try mayStart.wait() }
        let call = kind.start(
            {
                try blocking(on: bulkhead) {
                    started.set()
                    try goOn.wait()
                    return 1
                }
            },
            task: {
                try await blocking(on: bulkhead) {
                    started.set()
                    try goOn.wait()
                    return 1
                }
            })
        try await call.untilParked()
        mayStart.set()
        try await started.wait()
        try await until { @Sendable in bulkhead.statistics.completed == 1 }
        if kind != .task { try await call.untilParked() }
        goOn.set()
        #expect(try await call.value() == 1)
    }
}
