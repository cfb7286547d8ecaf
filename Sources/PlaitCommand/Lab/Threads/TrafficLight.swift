internal import Plait

extension ThreadExperiment {
    /// Cars wait for an event, which means green.
    static let trafficLight = ThreadExperiment(
        name: "traffic-light", title: "cars at a traffic light, which is an Event"
    ) { trial in
        let green = Event()
        let timeline = trial.timeline
        var cars: [JoinHandle<Void>] = []
        for phase in 1...2 {
            let arrived = Latch(count: 3)
            cars += (1...3).map { number in
                trial.start("car \(phase * 4 - 4 + number)") {
                    timeline.note("stops at red")
                    arrived.countDown()
                    try timeline.span("waits") { try green.wait() }
                    timeline.note("drives")
                }
            }
            try arrived.wait()
            try Strand.sleep(for: trial.pause(60))
            timeline.note("green")
            green.set()
            cars.append(
                trial.start("car \(phase * 4)") {
                    timeline.note(green.isSet ? "sees green" : "stops at red")
                    try green.wait()
                    timeline.note("drives")
                })
            for car in cars { try car.join() }
            cars = []
            green.clear()
            timeline.note("red")
        }
        let late = trial.start("car 9") {
            timeline.note(green.isSet ? "sees green" : "stops at red")
            return try green.wait(within: .zero)
        }
        let passed = try late.join()
        trial.record("passedAtRed", passed ? 1 : 0)
        trial.record("drove", timeline.allMoments.count { $0.what == "drives" })
        trial.say("An Event stays set until it is cleared: all waiting cars go on at once, and")
        trial.say("a car that comes while it is set does not stop.")
    }
}
