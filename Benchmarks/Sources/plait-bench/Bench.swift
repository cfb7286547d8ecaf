import Foundation

/// Runs scenarios, the contestants taking turns, so that a slow spell of the machine hits all.
struct Bench {
    let programs: Programs
    let rounds: Int
    let seconds: Double

    func measure(_ figures: [Figure]) -> Samples {
        var samples = Samples()
        var done: Set<Scenario> = []
        for scenario in figures.map(\.scenario) where done.insert(scenario).inserted {
            for round in 1...rounds {
                for contestant in scenario.contestants {
                    take(scenario, contestant, round: round, into: &samples)
                }
            }
        }
        return samples
    }

    private func take(
        _ scenario: Scenario, _ contestant: Contestant, round: Int, into samples: inout Samples
    ) {
        guard let name = scenario.program(of: contestant) else { return }
        guard let path = programs.path(of: name) else {
            if round == 1 { log("\(name) is not built: left out") }
            return
        }
        log("round \(round) of \(rounds): \(scenario) \(name)")
        do {
            samples.add(try run(scenario, path, isOurs: contestant == .ours), scenario, contestant)
        } catch {
            log("\(name) failed: \(error)")
            samples.addFailure(scenario, contestant)
        }
    }

    private func run(_ scenario: Scenario, _ path: String, isOurs: Bool) throws -> Measurement {
        switch scenario {
        case .micro(let subject, _):
            try runMicro(path, subject: isOurs ? subject : nil)
        case .echo(let clients, let size):
            try runLoad("echo", server: path, clients: clients, size: size)
        case .churn(let clients, let size):
            try runLoad("churn", server: path, clients: clients, size: size)
        case .idle(let clients):
            try runIdle(server: path, clients: clients)
        }
    }

    private func runMicro(_ path: String, subject: String?) throws -> Measurement {
        let child = try Child(path, subject.map { [$0] } ?? [], cpu: .program)
        defer { child.stop() }
        let result = try child.readLine(as: MicroResult.self)
        try child.finish()
        if let ns = result.ns { return [.value: ns] }
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
        return try Child(path, arguments + more, cpu: .load)
    }

    private func log(_ message: String) {
        FileHandle.standardError.write(Data((message + "\n").utf8))
    }
}

private struct MicroResult: Decodable {
    let ns: Double?
    /// Bytes or seconds, as the subject has it.
    let value: Double?
}

private struct LoadResult: Decodable {
    let perSecond: Double
    let p99us: Double
    let cpuNsPerRequest: Double
    let errors: Int
}
