internal import Foundation
internal import Plait

/// One model's run: the server in a process of its own, the clients in another.
struct C10kTrial {
    let model: Model
    /// How many clients connect; fewer than asked for if the machine allows no more.
    let clients: Int
    let seconds: Double
    let largest: Int
    let seed: UInt64
    let progress: ProgressLine

    /// How long a process may be silent. Clients give up earlier, and report all the time.
    private static let patience = Duration.seconds(60)

    /// Runs the trial and fills `result`. When the caller is cancelled, it asks the clients to end
    /// at once and takes their results so far.
    ///
    /// - Returns: A description of the failure, if there was one.
    func run(into result: inout C10kResult) throws -> String? {
        let server = try start([
            "serve", "echo", "--model", model.rawValue, "--host", "127.0.0.1", "--port", "0",
        ])
        defer { end(server) }
        let port = try self.port(of: server)
        let memory = ServerMemory(pid: server.pid)
        let before = memory.bytes
        let load = try start([
            "lab", "c10k-clients", "--port", "\(port)", "--clients", "\(clients)",
            "--seconds", "\(seconds)", "--size", "\(largest)", "--seed", "\(seed)",
        ])
        defer { end(load) }
        var added: Int?
        let report = try self.report(of: load) {
            if let before, let after = memory.bytes { added = after - before }
        }
        result.take(report)
        if let added, report.held > 0 { result.bytesPerClient = max(0, added / report.held) }
        // The server's status says more than its clients saw.
        if let status = server.exitStatus { return "the server ended: \(status)" }
        return report.firstError
    }

    /// Starts this program again. It dies with this process. A Ctrl-C on the terminal does not
    /// reach it, since this process decides when each of them ends.
    private func start(_ arguments: [String]) throws -> ChildProcess {
        var options = ChildProcess.Options()
        options.input = .pipe
        options.output = .pipe
        options.parentDeathSignal = .kill
        options.hasOwnGroup = true
        return try ChildProcess.start("/proc/self/exe", arguments, options)
    }

    private func end(_ child: ChildProcess) {
        child.terminate()
        if (try? child.join(within: .seconds(2))) == nil { child.kill() }
        // A cancellation may end the first wait, but not the second.
        while child.isAlive { _ = try? child.join() }
    }

    private func port(of server: ChildProcess) throws -> Int {
        let line = try server.output?.readLine(within: .seconds(10)) ?? ""
        guard line.hasPrefix("listening on "), let colon = line.lastIndex(of: ":"),
            let port = Int(line[line.index(after: colon)...])
        else { throw CommandFailure("the server did not start") }
        return port
    }

    /// Follows the clients up to their report; calls `measure` while they hold their connections.
    private func report(of load: ChildProcess, measure: () -> Void) throws -> ClientReport {
        progress.show("\(model.rawValue): connecting \(clients.grouped) clients", 0, of: clients)
        while let line = try nextLine(of: load) {
            switch ClientProgress(line: line) {
            case .connected(let count):
                progress.show(
                    "\(model.rawValue): connecting \(clients.grouped) clients", count, of: clients)
            case .exchanging(let milliseconds):
                progress.show(
                    "\(model.rawValue): exchanging messages", milliseconds,
                    of: Int(seconds * 1_000))
            case .exchanged:
                progress.show("\(model.rawValue): measuring memory", 1, of: 1)
                measure()
                load.input?.close()
            case nil:
                progress.clear()
                return try JSONDecoder().decode(ClientReport.self, from: Data(line.utf8))
            }
        }
        let status = (try? load.join(within: .seconds(2))).map { "\($0)" } ?? "still running"
        throw CommandFailure("the clients ended without a report: \(status)")
    }

    private func nextLine(of load: ChildProcess) throws -> String? {
        do {
            return try load.output?.readLine(within: C10kTrial.patience)
        } catch is CancellationError {
            load.terminate()
            return try load.output?.readLine(within: C10kTrial.patience)
        }
    }
}
