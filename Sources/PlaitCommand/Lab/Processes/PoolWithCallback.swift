internal import Plait

/// Squares a number, and traps for 7.
enum SquareUnlessSeven: ProcessFunction {
    static func run(_ number: Int) throws -> Int {
        if number == 7 { fatalError("seven is bad luck") }
        return number * number
    }
}

extension ProcessExperiment {
    /// A pool calls back with each answer. One answer is that the worker has died.
    static let pool = ProcessExperiment(
        name: "pool", title: "a pool calls back with each answer, and survives a trap"
    ) { trial in
        let answers = Shared<[Int: String]>([:])
        let called = CountingSemaphore(permits: 0)
        let statistics = try withProcessPool(workers: 2) { pool in
            let futures = try (1...9).map { number in
                let future = try pool.submit(SquareUnlessSeven.self, number)
                future.onCompletion { future in
                    answers.update { $0[number] = text(of: Result { try future.result() }) }
                    called.release()
                }
                return future
            }
            for _ in futures { try called.acquire() }
            return pool.statistics
        }
        let sorted = answers.value.sorted { $0.key < $1.key }
        for (number, answer) in sorted { trial.say("\(number) -> \(answer)") }
        trial.record("called", sorted.count)
        trial.record("completed", statistics.completed)
        trial.record("crashed", statistics.crashed)
        trial.say("Nine callbacks in this process; the worker that trapped was replaced.")
    }

    private static func text(of result: Result<Int, any Error>) -> String {
        switch result {
        case .success(let square): "\(square)"
        case .failure(let crash as WorkerCrashed):
            "WorkerCrashed by \(crash.status): \(crash.message ?? "no message")"
        case .failure(let error): "\(error)"
        }
    }
}
