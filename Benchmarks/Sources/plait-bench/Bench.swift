import CBenchSupport
import Foundation

/// Runs scenarios. The contestants take turns, so that a slow spell of the machine affects all.
struct Bench {
    let programs: Programs
    let rounds: Int
    let seconds: Double
    private var contestants: [Contestant] = [.ours, .floor, .peer]
    /// How many rounds of private work the threads of programs do.
    private var workRounds: UInt64 = 0

    init(programs: Programs, rounds: Int, seconds: Double) {
        self.programs = programs
        self.rounds = rounds
        self.seconds = seconds
    }

    mutating func measure(_ figures: [Figure]) -> Samples {
        prepare(for: figures)
        var samples = Samples()
        var done: Set<Scenario> = []
        for scenario in figures.map(\.scenario) where done.insert(scenario).inserted {
            for round in 1...rounds {
                for contestant in contestants {
                    take(scenario, contestant, round: round, into: &samples)
                }
            }
        }
        return samples
    }

    /// Builds Go's program and calibrates the private work, if a figure needs them.
    private mutating func prepare(for figures: [Figure]) {
        if figures.contains(where: { $0.scenario.command(of: .go) != nil }),
            let go = GoToolchain()
        {
            do {
                try go.build(into: programs.folder)
                contestants.append(.go)
            } catch {
                log("go build failed: \(error): left out")
            }
        }
        let haveWork = figures.contains {
            if case .micro(let micro) = $0.scenario { micro.hasWork } else { false }
        }
        if haveWork {
            workRounds = bench_work_rounds(UInt64(BENCH_WORK_NS))
            log("\(BENCH_WORK_NS) ns of private work are \(workRounds) rounds")
        }
    }

    private func take(
        _ scenario: Scenario, _ contestant: Contestant, round: Int, into samples: inout Samples
    ) {
        guard let command = scenario.command(of: contestant) else { return }
        guard let path = programs.path(of: command.program) else {
            if round == 1 { log("\(command.program) is not built: left out") }
            return
        }
        log("round \(round) of \(rounds): \(scenario): \(command)")
        do {
            let measurement =
                switch scenario {
                case .micro(let micro):
                    try runMicro(micro, path, command.arguments, isGo: contestant == .go)
                case .echo(let clients, let size):
                    try runLoad("echo", server: path, clients: clients, size: size)
                case .churn(let clients, let size):
                    try runLoad("churn", server: path, clients: clients, size: size)
                case .idle(let clients):
                    try runIdle(server: path, clients: clients)
                }
            samples.add(measurement, scenario, contestant)
        } catch {
            log("\(command) failed: \(error)")
            samples.addFailure(scenario, contestant)
        }
    }

    private func runMicro(
        _ micro: Micro, _ path: String, _ arguments: [String], isGo: Bool
    ) throws -> Measurement {
        // Go has work of its own, which it measures itself.
        let work = micro.hasWork && !isGo ? ["--work", "\(workRounds)"] : []
        let child = try Child(path, arguments + work, cores: micro.cores)
        defer { child.stop() }
        let result = try child.readLine(as: MicroResult.self)
        try child.finish()
        if let ns = result.ns { return [.value: ns, .millions: 1_000 / ns] }
        guard let value = result.value else { throw Child.Failure.unexpected(path) }
        return [.value: value, .memory: value / 1024]
    }

    private func runLoad(
        _ mode: String, server path: String, clients: Int, size: Int
    ) throws -> Measurement {
        let server = try Server(path)
        defer { server.child.stop() }
        let load = try startLoad(
            mode, against: server, clients: clients,
            ["--size", "\(size)", "--seconds", "\(seconds)", "--server-pid", "\(server.child.id)"])
        defer { load.stop() }
        let result = try load.readLine(as: LoadResult.self)
        guard result.errors == 0 else { throw Child.Failure.requestsFailed(result.errors) }
        return [
            .rate: result.perSecond, .cpu: result.cpuNsPerRequest, .p99: result.p99us / 1000,
        ]
    }

    private func runIdle(server path: String, clients: Int) throws -> Measurement {
        let server = try Server(path)
        defer { server.child.stop() }
        let before = try server.privateMemory()
        let load = try startLoad("idle", against: server, clients: clients, [])
        defer { load.stop() }
        let line = try load.readLine()
        guard line == "connected \(clients)" else { throw Child.Failure.unexpected(line) }
        let after = try server.privateMemory()
        return [.memory: Double(after - before) / 1024 / Double(clients)]
    }

    private func startLoad(
        _ mode: String, against server: Server, clients: Int, _ more: [String]
    ) throws -> Child {
        guard let path = programs.path(of: "load") else { throw Child.Failure.notBuilt("load") }
        let arguments = [mode, "--port", "\(server.port)", "--clients", "\(clients)"]
        return try Child(path, arguments + more, cores: .load)
    }

    private func log(_ message: String) {
        FileHandle.standardError.write(Data((message + "\n").utf8))
    }
}

private struct MicroResult: Decodable {
    let ns: Double?
    /// Bytes, seconds or milliseconds, depending on the subject.
    let value: Double?
}

private struct LoadResult: Decodable {
    let perSecond: Double
    let p99us: Double
    let cpuNsPerRequest: Double
    let errors: Int
}
