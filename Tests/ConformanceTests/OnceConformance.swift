import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct OnceConformance {
    @Test(arguments: WaiterKind.pairs)
    func `the others wait until the first has finished`(
        _ first: WaiterKind, _ other: WaiterKind
    ) async throws {
        let once = Once()
        let mayEnd = Event()
        let runs = Box<[Int]>([])
        let running = first.start(
            {
                try once.run {
                    try mayEnd.wait()
                    runs.update { $0.append(1) }
                }
            },
            task: {
                try await once.run {
                    try await mayEnd.wait()
                    runs.update { $0.append(1) }
                }
            })
        try await running.untilParked()
        #expect("\(once)".hasPrefix("Once(running, "))
        let waiting = (0..<3).map { _ in
            other.start(
                {
                    once.run { runs.update { $0.append(2) } }
                    return runs.value
                },
                task: {
                    try await once.run { runs.update { $0.append(2) } }
                    return runs.value
                })
        }
        for strand in waiting { try await strand.untilParked() }
        #expect(runs.value == [])
        mayEnd.set()
        try await running.value()
        for strand in waiting { #expect(try await strand.value() == [1]) }
    }

    @Test(arguments: WaiterKind.pairs)
    func `when the first fails, who has waited longest runs next, and the rest go on waiting`(
        _ first: WaiterKind, _ other: WaiterKind
    ) async throws {
        struct Failure: Error {}
        let once = Once()
        let mayEnd = Event()
        let running = first.start(
            {
                try once.run {
                    try mayEnd.wait()
                    throw Failure()
                }
            },
            task: {
                try await once.run {
                    try await mayEnd.wait()
                    throw Failure()
                }
            })
        try await running.untilParked()
        let runs = Box<[Int]>([])
        var waiting: [Started<Void>] = []
        for number in 0..<3 {
            // The second fails as well: the third succeeds, and the fourth need not run.
            let strand = other.start(
                {
                    try once.run {
                        runs.update { $0.append(number) }
                        if number == 0 { throw Failure() }
                    }
                },
                task: {
                    try await once.run {
                        runs.update { $0.append(number) }
                        if number == 0 { throw Failure() }
                    }
                })
            try await strand.untilParked()
            waiting.append(strand)
        }
        mayEnd.set()
        await #expect(throws: Failure.self) { try await running.value() }
        await #expect(throws: Failure.self) { try await waiting[0].value() }
        try await waiting[1].value()
        try await waiting[2].value()
        #expect(runs.value == [0, 1])
        #expect(once.isDone)
    }
}
