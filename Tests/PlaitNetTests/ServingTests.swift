import Foundation
import PlaitIO
import PlaitNet
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ServingTests {
    @Test(arguments: StrandKind.allCases)
    func `each connection is echoed by a strand of its own`(_ kind: StrandKind) async throws {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            try serving(listener, kind: kind, echo) {
                let clients = try (0..<20).map { _ in
                    try StreamSocket.connect(to: listener.address)
                }
                for (index, client) in clients.enumerated() {
                    try client.write("client \(index)\n")
                }
                for (index, client) in clients.enumerated() {
                    #expect(try client.readLine() == "client \(index)")
                }
                for client in clients { client.close() }
            }
        }
    }

    @Test func `IPv6 and Unix sockets serve as IPv4 does`() async throws {
        try await onThread {
            let path = NSTemporaryDirectory() + "plait-\(UUID().uuidString).socket"
            defer { try? FileManager.default.removeItem(atPath: path) }
            for listener in [
                try StreamListener(host: "::1", port: 0), try StreamListener(unixPath: path),
            ] {
                try serving(listener, echo) {
                    let client = try StreamSocket.connect(to: listener.address)
                    try client.write("hello\n")
                    #expect(try client.readLine() == "hello")
                    client.close()
                }
            }
        }
    }

    @Test func `a handler's error ends only its own connection`() async throws {
        struct Refused: Error {}
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            try serving(
                listener,
                { connection in
                    if try connection.readLine() == "fail" { throw Refused() }
                    try connection.write("fine\n")
                }
            ) {
                let bad = try StreamSocket.connect(to: listener.address)
                let good = try StreamSocket.connect(to: listener.address)
                try bad.write("fail\n")
                #expect(try bad.readSome().isEmpty)
                try good.write("ok\n")
                #expect(try good.readLine() == "fine")
            }
        }
    }

    @Test func `resetting, half-closing, trickling and flooding clients harm only themselves`()
        async throws
    {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            try serving(listener, echo) {
                let flooding = try StreamSocket.connect(to: listener.address)
                // Sends without reading: the server's write waits, and it reads no more.
                #expect(throws: TimedOut.self) {
                    while true { try flooding.write(pattern(65_536), within: .milliseconds(20)) }
                }
                for _ in 0..<50 {
                    let resetting = try StreamSocket.connect(to: listener.address)
                    try resetting.write("half a mess")
                    resetting.reset()
                }
                let halfClosing = try StreamSocket.connect(to: listener.address)
                try halfClosing.write("all of it")
                try halfClosing.shutdownWriting()
                let trickling = try StreamSocket.connect(to: listener.address)
                for byte in Array("drop by drop".utf8) {
                    try trickling.write([byte])
                    #expect(try trickling.readExactly(1) == [byte])
                }
                #expect(try halfClosing.readExactly(9) == Array("all of it".utf8))
                #expect(try halfClosing.readSome().isEmpty)
                flooding.reset()
            }
        }
    }

    @Test func `a fiber that always has data does not starve the others`() async throws {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let flooder = spawn(.thread) {
                let busy = try StreamSocket.connect(to: listener.address)
                let block = pattern(65_536)
                // Reads and writes as fast as it can, until the server closes.
                let drain = spawn(.thread) { while try !busy.readSome().isEmpty {} }
                defer { _ = try? drain.join() }
                while (try? busy.write(block)) != nil {}
            }
            let server = spawn(.thread) {
                let served = spawn(.fiber) { try listener.serve(echo) }
                try served.join()
            }
            let polite = try StreamSocket.connect(to: listener.address)
            for round in 0..<200 {
                try polite.write("\(round)\n")
                #expect(try polite.readLine() == "\(round)")
            }
            listener.close()
            listener.cancelConnections()
            try flooder.join()
            try server.join()
        }
    }

    @Test func `closing lets connections finish before serve returns`() async throws {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let server = spawn(.thread) { try listener.serve(echo) }
            let client = try StreamSocket.connect(to: listener.address)
            try client.write("before\n")
            #expect(try client.readLine() == "before")
            listener.close()
            try client.write("after\n")
            #expect(try client.readLine() == "after")
            #expect(server.isAlive)
            client.close()
            try server.join()
            #expect(throws: SystemError.self) { try StreamSocket.connect(to: listener.address) }
        }
    }

    @Test func `a cancelled server cancels its connections`() async throws {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let server = spawn(.fiber) { try listener.serve(echo) }
            let client = try StreamSocket.connect(to: listener.address)
            try client.write("x")
            #expect(try client.readExactly(1) == [120])
            server.cancel()
            #expect(throws: CancellationError.self) { try server.join() }
            #expect(try client.readSome().isEmpty)
        }
    }

    @Test func `beyond the limit, clients wait for a connection to end`() async throws {
        try await onThread {
            let listener = try StreamListener(host: "127.0.0.1", port: 0)
            let server = spawn(.fiber) { try listener.serve(limit: 1, echo) }
            let first = try StreamSocket.connect(to: listener.address)
            try first.write("1\n")
            #expect(try first.readLine() == "1")
            let second = try StreamSocket.connect(to: listener.address)
            try second.write("2\n")
            #expect(throws: TimedOut.self) {
                try second.readLine(within: .milliseconds(20))
            }
            #expect(listener.connectionCount == 1)
            first.close()
            #expect(try second.readLine() == "2")
            second.close()
            listener.close()
            try server.join()
        }
    }

    @Test func `without descriptors accepting pauses and goes on`() async throws {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            try await onThread {
                let listener = try StreamListener(host: "127.0.0.1", port: 0)
                let server = spawn(.fiber) { try listener.serve(echo) }
                Strand.yield()
                // A client takes a descriptor here and one in the server: the last ones fit half.
                var clients: [StreamSocket] = []
                let before = DescriptorLimit.setSoft(120)
                do {
                    while clients.count < 100 {
                        clients.append(try StreamSocket.connect(to: listener.address))
                    }
                } catch let error as SystemError {
                    precondition(error.errno == .tooManyOpenFiles)
                }
                precondition(clients.count > 20)
                // The server cannot accept all of them now. It does when others are gone.
                Strand.yield()
                for client in clients.dropLast() { client.close() }
                let last = clients[clients.count - 1]
                try last.write("still here\n")
                let answer = try last.readLine()
                precondition(answer == "still here")
                _ = DescriptorLimit.setSoft(before)
                last.close()
                listener.close()
                try server.join()
            }
        }
        let log = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(log.contains("pauses"), "\(log)")
    }
}
