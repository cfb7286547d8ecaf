internal import Glibc
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync

/// Passes items from one queue to another, until the first is shut down.
enum Pass: ProcessFunction {
    struct Plan: Codable, Sendable {
        let from: ProcessQueue<[Int]>
        let to: ProcessQueue<[Int]>
    }

    static func run(_ plan: Plan) throws -> Nothing {
        do {
            while true { try plan.to.put(try plan.from.get()) }
        } catch QueueError.shutDown {
            return Nothing()
        }
    }
}

/// Items through two queues, between which processes pass them that are killed.
enum QueueChaos {
    static func run(items: Int, saysSo: Bool = true) throws {
        let from = try ProcessQueue<[Int]>(capacity: 500)
        let to = try ProcessQueue<[Int]>(bytes: 1 << 16)
        let plan = Pass.Plan(from: from, to: to)
        let isOver = Latch(count: 1)
        let passers = (0..<2).map { number in
            spawn(.thread) {
                var dice = Dice(seed: UInt64(number + 3))
                var kills = 0
                while true {
                    let process = try spawn(.process, Pass.self, plan)
                    if try isOver.wait(within: .milliseconds(10 + dice.roll(30))) {
                        // The queue is shut down: this one ends when it is empty.
                        try process.join()
                        return kills
                    }
                    process.kill()
                    _ = try? process.join()
                    kills += 1
                }
            }
        }
        let collector = spawn(.thread) {
            var seen = [Bool](repeating: false, count: items)
            var (repeated, torn) = (0, 0)
            do {
                while true {
                    let item = try to.get()
                    // Long ones and short ones, all of the same number.
                    guard let number = item.first, item.count == 1 + number % 50,
                        item.allSatisfy({ $0 == number })
                    else {
                        torn += 1
                        continue
                    }
                    if seen[number] { repeated += 1 }
                    seen[number] = true
                }
            } catch QueueError.shutDown {
                return (seen.count { !$0 }, repeated, torn)
            }
        }
        for number in 0..<items {
            try from.put([Int](repeating: number, count: 1 + number % 50))
        }
        try from.shutDown()
        isOver.countDown()
        let kills = try passers.reduce(0) { try $0 + $1.join() }
        // Whoever was killed last may have left something.
        try spawn(.process, Pass.self, plan).join()
        try to.shutDown()
        let (missing, repeated, torn) = try collector.join()
        guard saysSo else { return }
        // A killed process takes with it what it had got, and no more.
        print("queue: kept \(missing <= kills)", "repeated \(repeated)", "torn \(torn)")
        print("queue: kills \(kills > 0)")
    }
}
