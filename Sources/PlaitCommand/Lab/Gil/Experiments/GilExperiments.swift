internal import Plait
internal import PlaitMachine

/// The measurements of `plait lab gil`.
struct GilExperiments {
    /// About how long everything takes together.
    let seconds: Double
    let intervals: [Duration]
    let ticks: Int
    let progress: ProgressLine

    private var policies: [InterpreterLockPolicy] {
        [.interval(intervals[0]), .ticks(every: ticks)]
    }

    /// Runs a machine on a thread of its own, so that the caller can be cancelled meanwhile.
    private func run(_ machine: Machine) throws {
        let runner = spawn(.thread, name: "machine") { try machine.run() }
        do {
            try runner.join()
        } catch is CancellationError {
            machine.stop()
            runner.cancel()
            while runner.isAlive { _ = try? runner.join() }
            throw CancellationError()
        }
    }

    /// The seconds and switches of a run.
    private func time(
        _ source: String, _ policy: InterpreterLockPolicy
    ) throws -> (seconds: Double, machine: Machine) {
        let machine = Machine(try LoadedProgram(source: source), policy) { _ in }
        let start = monotonicNow()
        try run(machine)
        return (Double(monotonicNow() - start) / 1e9, machine)
    }

    // MARK: Two threads that compute

    private static let work = """
        fn work(n) {
            var i = 0
            while i < n { i += 1 }
        }

        """

    /// Three runs of each, in turn, so that other work on the machine affects all of them.
    func computation() throws -> ComputationResult {
        progress.show("two threads that compute", 0, of: 10)
        let rounds = 3
        let probe = 20_000
        let cost = try time(Self.work + "work(\(probe))", .interval()).seconds / Double(probe)
        let budget = seconds * 0.27 / Double(rounds * (1 + policies.count))
        let turns = max(1_000, Int(budget / 2 / cost))
        var sequence: [Double] = []
        var times = policies.map { _ in [Double]() }
        var switches = policies.map { _ in 0 }
        var instructions = 0
        for round in 0..<rounds {
            progress.show("two threads that compute", round, of: 10)
            let inSequence = try time(
                Self.work + "work(\(turns))\nwork(\(turns))", policies[0])
            sequence.append(inSequence.seconds)
            instructions = inSequence.machine.steps
            for (index, policy) in policies.enumerated() {
                let parallel = try time(
                    Self.work
                        + """
                        var one = spawn work(\(turns))
                        var two = spawn work(\(turns))
                        join(one)
                        join(two)
                        """, policy)
                times[index].append(parallel.seconds)
                switches[index] += parallel.machine.lock.statistics().switches
            }
        }
        let base = median(sequence)
        return ComputationResult(
            instructions: instructions, sequenceSeconds: base,
            threads: policies.indices.map { index in
                ComputationResult.Trial(
                    policy: policies[index].label, seconds: median(times[index]),
                    ratio: median(times[index]) / base, switches: switches[index] / rounds)
            })
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    // MARK: An echo beside a thread that computes

    private static let echo = """
        var stopped = 0
        fn serve() {
            var message = receive()
            while message != "" {
                send(message)
                message = receive()
            }
            stopped = 1
        }
        fn hog() {
            var n = 0
            while not stopped { n += 1 }
        }
        var server = spawn serve()

        """

    /// The echo alone, and beside the hog under each policy.
    func echoes(_ report: (EchoResult) -> Void) throws {
        let plans =
            [(policies[0], false)] + intervals.map { (.interval($0), true) }
            + [(.ticks(every: ticks), true)]
        for (index, (policy, hasHog)) in plans.enumerated() {
            progress.show("echo, \(policy.label)", 3 + 6 * index / plans.count, of: 10)
            report(try echo(policy, hasHog: hasHog, seconds: seconds * 0.6 / Double(plans.count)))
        }
    }

    private func echo(
        _ policy: InterpreterLockPolicy, hasHog: Bool, seconds: Double
    ) throws -> EchoResult {
        let (near, far) = try StreamSocket.pair()
        defer { far.close() }
        let source = Self.echo + (hasHog ? "spawn hog()" : "")
        let machine = Machine(
            try LoadedProgram(source: source), policy, connection: SocketConnection(socket: far)
        ) { _ in }
        var result = EchoResult(policy: policy.label, hasHog: hasHog)
        let client = spawn(.thread, name: "client") {
            // This part is outside of the interpreter, as a client in another process would be.
            defer {
                near.close()
                machine.stop()
            }
            return try EchoClient(near).run(for: seconds)
        }
        do {
            try run(machine)
        } catch let error as ProgramError where error.kind == .stopped {
            // The computing thread was told to end before the server could end by itself.
        } catch {
            client.cancel()
            while client.isAlive { _ = try? client.join() }
            throw error
        }
        let trips = try client.join()
        result.roundTrips = Int(trips.histogram.total)
        result.perSecond = trips.seconds > 0 ? Double(trips.histogram.total) / trips.seconds : 0
        result.p50Microseconds = trips.histogram.quantile(0.5).map { Double($0) / 1_000 }
        result.p99Microseconds = trips.histogram.quantile(0.99).map { Double($0) / 1_000 }
        result.longestMicroseconds = Double(trips.longest) / 1_000
        let statistics = machine.lock.statistics()
        result.forcedReleases = statistics.forcedReleases
        result.offers = statistics.offers
        result.failedRetakes = statistics.failedRetakes
        return result
    }

    // MARK: The lost update

    func lostUpdate() throws -> LostUpdateResult {
        progress.show("the lost update", 9, of: 10)
        let turns = max(1_000, Int(seconds * 20_000))
        let (_, machine) = try time(
            """
            var count = 0
            fn add(n) {
                var i = 0
                while i < n {
                    count += 1
                    i += 1
                }
            }
            var one = spawn add(\(turns))
            var two = spawn add(\(turns))
            join(one)
            join(two)
            """, .interval(intervals.min() ?? intervals[0]))
        guard case .integer(let count) = machine.lock.withLock({ machine.globals["count"] }) else {
            throw CommandFailure("the program has lost its count")
        }
        return LostUpdateResult(
            withoutLock: try LostUpdateWalk(usingLock: false),
            withLock: try LostUpdateWalk(usingLock: true),
            atLarge: .init(increments: 2 * turns, count: count))
    }
}

extension InterpreterLockPolicy {
    /// Such as `0.5 ms` and `100 ticks`.
    var label: String {
        switch self {
        case .ticks(let count): return "\(count) ticks"
        case .interval(let duration):
            let microseconds = duration / .microseconds(1)
            let milliseconds = microseconds / 1_000
            let isWhole = milliseconds == milliseconds.rounded()
            return isWhole ? "\(Int(milliseconds)) ms" : "\(milliseconds) ms"
        }
    }
}
