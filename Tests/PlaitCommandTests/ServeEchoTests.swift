import Plait
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ServeEchoTests {
    static let variants: [[String]] = [
        ["--model", "fiber"], ["--model", "thread"], ["--model", "process"], ["--workers", "3"],
    ]

    private func start(_ variant: [String], drain: String) throws -> ChildProcess {
        try plait("serve", "echo", "--port", "0", "--drain", drain, variant[0], variant[1])
    }

    /// Runs `body`; when that throws, says also what became of the server.
    private func watching(_ server: ChildProcess, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch {
            let status = server.exitStatus.map { "\($0)" } ?? "still runs"
            server.kill()
            let said = try text(server.errorOutput?.readToEnd() ?? [])
            Issue.record("\(error); the server: \(status), said: \(said)")
        }
    }

    @Test(arguments: variants)
    func `clients get back what they send`(_ variant: [String]) async throws {
        try await onThread {
            let server = try start(variant, drain: "5")
            let address = try address(of: server)
            let clients = (0..<8).map { number in
                spawn(.fiber) {
                    let connection = try StreamSocket.connect(to: address)
                    defer { connection.close() }
                    for round in 1...20 {
                        let sent = [UInt8](repeating: UInt8(number * 20 + round), count: round * 97)
                        try connection.write(sent)
                        #expect(try connection.readExactly(sent.count) == sent)
                    }
                }
            }
            for client in clients { try client.join() }
            server.terminate()
            #expect(try server.join(within: .seconds(4)) == .code(0))
        }
    }

    @Test(arguments: variants)
    func `a signal refuses new clients and lets the old ones end`(_ variant: [String]) async throws
    {
        try await onThread {
            let server = try start(variant, drain: "60")
            try watching(server) {
                let address = try address(of: server)
                let old = try StreamSocket.connect(to: address)
                try old.write("before")
                #expect(text(try old.readExactly(6)) == "before")
                server.terminate()
                // Refused once the signal has been seen.
                while let late = try? StreamSocket.connect(to: address) { late.close() }
                try old.write("after")
                #expect(text(try old.readExactly(5)) == "after")
                #expect(server.isAlive)
                old.close()
                #expect(try server.join(within: .seconds(20)) == .code(0))
            }
        }
    }

    @Test(arguments: variants)
    func `clients that stay longer than the drain are cut off`(_ variant: [String]) async throws {
        try await onThread {
            let server = try start(variant, drain: "0.05")
            let connection = try StreamSocket.connect(to: try address(of: server))
            try connection.write("here")
            #expect(text(try connection.readExactly(4)) == "here")
            try server.send(.interrupt)
            #expect((try? connection.readSome(within: .seconds(20))) ?? [] == [])
            #expect(try server.join(within: .seconds(20)) == .code(0))
        }
    }

    @Test(arguments: variants)
    func `a second signal ends it at once`(_ variant: [String]) async throws {
        try await onThread {
            let server = try start(variant, drain: "60")
            let connection = try StreamSocket.connect(to: try address(of: server))
            try connection.write("x")
            _ = try connection.readExactly(1)
            while server.isAlive {
                server.terminate()
                try Strand.sleep(for: .milliseconds(5))
            }
            #expect(server.exitStatus == .code(128 + Signal.terminate.number))
        }
    }

    @Test func `a port in use is one clear line`() async throws {
        try await onThread {
            let taken = try StreamListener(host: "127.0.0.1", port: 0)
            let server = try plait("serve", "echo", "--port", "\(taken.port)")
            let said = text(try server.errorOutput!.readToEnd())
            #expect(said.contains("127.0.0.1:\(taken.port)"))
            #expect(said.contains("Address already in use"))
            #expect(said.split(separator: "\n").count == 1)
            #expect(try server.join() == .code(1))
            taken.close()
        }
    }

    @Test func `what makes no sense is refused`() async throws {
        try await onThread {
            for arguments in [["--model", "thread"], ["--model", "process"]] {
                let server = try plait(
                    "serve", "echo", "--workers", "2", arguments[0], arguments[1])
                let said = text(try server.errorOutput!.readToEnd())
                #expect(said.contains("--workers 2 means nothing for --model \(arguments[1])"))
                #expect(try server.join().isSuccess == false)
            }
            let server = try plait("serve", "echo", "--host", "not.a.host.invalid")
            #expect(text(try server.errorOutput!.readToEnd()).contains("cannot resolve"))
            #expect(try server.join() == .code(1))
        }
    }
}
