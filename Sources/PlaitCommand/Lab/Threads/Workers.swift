internal import Plait
internal import Synchronization

extension ThreadExperiment {
    /// Twenty workers, five permits.
    static let workers = ThreadExperiment(
        name: "workers", title: "twenty workers through a semaphore of five"
    ) { trial in
        let permits = CountingSemaphore(permits: 5)
        let inside = Number(0)
        let most = Number(0)
        let work = trial.pause(50)
        let timeline = trial.timeline
        let workers = (1...20).map { number in
            trial.start("worker \(number)") {
                try permits.acquire()
                defer { permits.release() }
                let count = inside.value.wrappingAdd(1, ordering: .relaxed).newValue
                most.value.max(count, ordering: .relaxed)
                try timeline.span("works") { try Strand.sleep(for: work) }
                inside.value.wrappingSubtract(1, ordering: .relaxed)
            }
        }
        for worker in workers { try worker.join() }
        let seen = most.value.load(ordering: .relaxed)
        trial.record("most", seen)
        trial.record("finished", timeline.allSpans.count)
        trial.say(
            "Never more than \(seen) work at a time: four rounds of five. A permit goes to")
        trial.say("the worker that has waited longest.")
    }
}
