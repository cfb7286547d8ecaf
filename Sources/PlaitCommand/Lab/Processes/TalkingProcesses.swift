internal import Plait

/// Puts its numbers into a queue.
enum PutNumbers: ProcessFunction {
    struct Plan: Codable, Sendable {
        let queue: ProcessQueue<Int>
        let numbers: [Int]
    }

    static func run(_ plan: Plan) throws -> Nothing {
        for number in plan.numbers { try plan.queue.put(number) }
        return Nothing()
    }
}

/// Answers questions until the other end is closed.
enum AnswerQuestions: ProcessFunction {
    static func run(_ connection: Connection) throws -> Int {
        var answered = 0
        do {
            while true {
                let question = try connection.receive(String.self)
                try connection.send(value: String(question.reversed()))
                answered += 1
            }
        } catch ConnectionError.endOfStream {
            return answered
        }
    }
}

/// Counts in shared memory, under its lock.
enum CountTogether: ProcessFunction {
    static func run(_ counter: SharedValue<Int>) throws -> Nothing {
        for _ in 0..<1_000 { try counter.withLock { $0 += 1 } }
        return Nothing()
    }
}

extension ProcessExperiment {
    /// Two producers and a consumer.
    static let queue = ProcessExperiment(
        name: "queue", title: "two processes put into a queue, and this one gets"
    ) { trial in
        let queue = try ProcessQueue<Int>(capacity: 4)
        let plans = [[1, 2, 3, 4, 5], [10, 20, 30, 40, 50]].map {
            PutNumbers.Plan(queue: queue, numbers: $0)
        }
        let producers = try plans.map { try spawn(.process, PutNumbers.self, $0) }
        var got: [Int] = []
        for _ in 0..<10 { got.append(try queue.get()) }
        for producer in producers { try producer.join() }
        let first = got.filter { $0 < 10 }
        let second = got.filter { $0 >= 10 }
        trial.record("sum", got.reduce(0, +))
        trial.record("inOrder", first == plans[0].numbers && second == plans[1].numbers ? 1 : 0)
        trial.say("first producer:  \(first.map(String.init).joined(separator: " "))")
        trial.say("second producer: \(second.map(String.init).joined(separator: " "))")
        trial.say("The queue holds 4: both producers wait for this process, and each one's items")
        trial.say("come in its order, through memory that the three share.")
    }

    /// Questions and answers, and the end of the connection.
    static let pipe = ProcessExperiment(
        name: "pipe", title: "questions to another process, and its answers"
    ) { trial in
        let (ours, theirs) = try Connection.pair()
        let child = try spawn(.process, AnswerQuestions.self, theirs)
        // Otherwise the child would never notice that this process has gone.
        theirs.close()
        for question in ["plait", "stressed"] {
            try ours.send(value: question)
            trial.say("\(question) -> \(try ours.receive(String.self))")
        }
        ours.close()
        let answered = try child.join()
        trial.record("answered", answered)
        trial.say(
            "closed: the child's receive throws endOfStream, and it ends with \(answered) answers")
    }

    /// A counter that processes share.
    static let value = ProcessExperiment(
        name: "value", title: "four processes count in memory that they share"
    ) { trial in
        let counter = try SharedValue(0)
        let children = try (0..<4).map { _ in try spawn(.process, CountTogether.self, counter) }
        for child in children { try child.join() }
        let count = try counter.load()
        trial.record("count", count)
        trial.say("4 processes, 1,000 times each, under the value's lock: \(count)")
    }
}
