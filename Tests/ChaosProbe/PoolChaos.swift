internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import Synchronization

/// Items through a pool whose workers are killed, stopped, and crash by themselves.
enum PoolChaos {
    static func run(items: Int, saysSo: Bool = true) throws {
        var options = ChildProcess.Options.ofFunction
        options.limits.memory = 2 << 30
        options.errorOutput = .null
        let pool = try ProcessPool(workers: 3, options: options)
        let isOver = Latch(count: 1)
        let saboteur = spawn(.thread) { try sabotage(pool, until: isOver) }

        let endings = Endings()
        var futures: [Future<Int>] = []
        var dice = Dice(seed: 2)
        for number in 0..<items {
            let deed: Work.Deed =
                switch dice.roll(2_000) {
                case 0: .trap
                case 1: .hoard
                case 2 where number % 10 == 0: .hang
                default: .none
                }
            let future = try pool.submit(
                Work.self, .init(number: number, deed: deed), timeout: .milliseconds(300))
            future.onCompletion { endings.count($0, number) }
            futures.append(future)
        }
        _ = try Future.wait(of: futures)
        isOver.countDown()
        let strikes = try saboteur.join()
        pool.close()
        try pool.join()
        guard saysSo else { return }
        print(
            "pool: ended \(endings.all.load(ordering: .relaxed) == items)",
            "wrong \(endings.wrong.load(ordering: .relaxed))")
        let values = endings.values.load(ordering: .relaxed)
        print("pool: most are values \(values > items * 9 / 10)", "strikes \(strikes > 0)")
    }

    /// How items ended. Each counts once.
    private final class Endings: Sendable {
        let all = Atomic<Int>(0)
        let values = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)

        func count(_ future: Future<Int>, _ number: Int) {
            all.wrappingAdd(1, ordering: .relaxed)
            do {
                let value = try future.value()
                values.wrappingAdd(1, ordering: .relaxed)
                if value != 2 * number { wrong.wrappingAdd(1, ordering: .relaxed) }
            } catch is WorkerCrashed {
            } catch ProcessPoolError.timedOut {
            } catch {
                print("item \(number):", error)
                wrong.wrappingAdd(1, ordering: .relaxed)
            }
        }
    }

    private static func sabotage(_ pool: ProcessPool, until isOver: Latch) throws -> Int {
        var dice = Dice(seed: 1)
        var strikes = 0
        while try !isOver.wait(within: .milliseconds(2 + dice.roll(8))) {
            let pids = pool.pids
            guard !pids.isEmpty else { continue }
            let signals: [Signal] = [.kill, Signal(number: 11), Signal(number: 19)]
            let pid = pids[dice.roll(pids.count)]
            // It may have ended: then there is nothing to strike.
            if (try? send(signals[dice.roll(3)], toProcess: pid)) != nil { strikes += 1 }
        }
        return strikes
    }
}
