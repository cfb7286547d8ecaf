internal import Plait
internal import Synchronization

extension ThreadExperiment {
    /// A producer, three consumers, and the main strand, which joins the queue.
    static let consumers = ThreadExperiment(
        name: "queue", title: "a producer and consumers on a queue, with taskDone and join"
    ) { trial in
        let queue = Queue<Int>(capacity: 4)
        let done = Number(0)
        let timeline = trial.timeline
        let work = trial.pause(10)
        let consumers = (1...3).map { number in
            trial.start("consumer \(number)") {
                for item in queue.items {
                    try timeline.span("item \(item)") { try Strand.sleep(for: work) }
                    done.value.wrappingAdd(1, ordering: .relaxed)
                    queue.taskDone()
                }
            }
        }
        let producer = trial.start("producer") {
            for item in 1...20 { try queue.put(item) }
            timeline.note("has put 20 items")
        }
        try producer.join()
        try queue.join()
        let atJoin = done.value.load(ordering: .relaxed)
        timeline.note("join returns: \(atJoin) items are done")
        queue.shutDown()
        for consumer in consumers { try consumer.join() }
        timeline.note("shut down: the consumers' loops have ended")
        trial.record("doneAtJoin", atJoin)
        trial.say("The queue holds 4, so the producer waits for the consumers; join returns when")
        trial.say("taskDone was called for every item, and shutDown ends their for loops.")
    }
}
