import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import PlaitSync
import Testing
import TestSupport

/// How workers come to be, and do not.
@Suite(.timeLimit(.hang))
struct ProcessPoolStartTests {
    private var missing: URL {
        FileManager.default.temporaryDirectory.appendingPathComponent("plait-\(UUID().uuidString)")
    }

    @Test func `terminating ends workers whose initializer hangs`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 2, initializer: Fate.self, "hang")
            let item = try pool.submit(Twice.self, 1)
            let core = pool.core
            while core.guardLock.withLock({ core.starting.count }) < 2 { Strand.yield() }
            let pids = core.guardLock.withLock { core.starting.map(\.pid) }
            pool.terminate()
            try pool.join()
            #expect(throws: ProcessPoolError.terminated) { try item.result() }
            for pid in pids { #expect(kill(pid, 0) == -1) }
        }
    }

    @Test func `closing does not wait for an initializer that hangs`() async throws {
        try await onThread {
            let pool = try ProcessPool(workers: 2, initializer: Fate.self, "hang")
            let core = pool.core
            while core.guardLock.withLock({ core.starting.count }) < 2 { Strand.yield() }
            pool.close()
            try pool.join()
        }
    }

    @Test func `an initializer that takes too long breaks the pool`() async throws {
        try await onThread {
            let pool = try ProcessPool(
                workers: 2, startLimit: .milliseconds(50), initializer: Fate.self, "hang")
            let item = try pool.submit(Twice.self, 1)
            let error = #expect(throws: ProcessPoolError.self) { try item.result() }
            #expect(error?.description.contains("had not ended after 0.05 seconds") == true)
            try pool.join()
        }
    }

    @Test func `a pool with a worker bears starts that fail, and tries again`() async throws {
        let place = missing
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: place) }
        try await onThread {
            var options = ChildProcess.Options.ofFunction
            options.workingDirectory = place.path
            options.errorOutput = .null
            let pool = try ProcessPool(workers: 1, method: .spawn, options: options)
            let first = try pool.apply(Twice.self, 1)
            try FileManager.default.removeItem(at: place)
            pool.resize(to: 3)
            let core = pool.core
            while core.guardLock.withLock({ core.started }) < 12 { Strand.yield() }
            let second = try pool.apply(Twice.self, 2)
            #expect(first == 2 && second == 4)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            while pool.statistics.workers < 3 { Strand.yield() }
            pool.close()
            try pool.join()
        }
    }

    @Test func `a pool that never gets a worker is broken`() async throws {
        let place = missing
        try await onThread {
            var options = ChildProcess.Options.ofFunction
            options.workingDirectory = place.path
            let pool = try ProcessPool(workers: 2, method: .spawn, options: options)
            let error = try #require(throws: ProcessPoolError.self) {
                try pool.apply(Twice.self, 1)
            }
            #expect("\(error)".contains("no worker could be started"))
            try pool.join()
        }
    }

    @Test func `a pool whose workers end in the initializer is broken, and says why`()
        async throws
    {
        try await onThread {
            let pool = try ProcessPool(workers: 1, initializer: Fate.self, "trap")
            let error = try #require(throws: ProcessPoolError.self) {
                try pool.apply(Twice.self, 1)
            }
            #expect("\(error)".contains("no worker could be started: process pool-"))
            #expect("\(error)".contains("on purpose"))
            try pool.join()
        }
    }

    /// See `ForkProbe`.
    @Test func `workers end with the program that has the pool, whatever the options`()
        async throws
    {
        try await onThread {
            let program = try ChildProcess.start(
                try Built.program("ForkProbe"), ["pool"], piped)
            let line = try program.output!.readLine() ?? ""
            let pids = line.split(separator: " ").compactMap { Int32($0) }
            #expect(pids.count == 2)
            for pid in pids { #expect(processState(pid) != nil) }
            program.kill()
            try program.join()
            // The new parent may take its time to reap them.
            for pid in pids {
                while let state = processState(pid), state != "Z" { Strand.yield() }
            }
        }
    }

    @Test func `a process that does not know the function says so`() async throws {
        try await onThread {
            let launch = try Launch.start(.forkServer, .ofFunction)
            let order = ChildOrder(role: .function, name: "stranger", function: nil)
            try launch.link.send(value: order)
            try launch.link.send(try MessagePackEncoder().encode(1))
            let answer = try launch.link.receive()
            #expect(throws: ProcessFunctionError.unknown("stranger")) { try Answer.check(answer) }
            try launch.child.join()
        }
    }

    @Test func `a queueCapacity of 0 traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = try ProcessPool(workers: 1, queueCapacity: 0)
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("a ProcessPool with a queueCapacity of 0; give 1 or more"))
    }

    @Test func `a tasksPerWorker of 0 traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = try ProcessPool(workers: 1, tasksPerWorker: 0)
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("a ProcessPool with a tasksPerWorker of 0; give 1 or more"))
    }

    @Test func `a residentLimit of 0 traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = try ProcessPool(workers: 1, residentLimit: 0)
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("a ProcessPool with a residentLimit of 0; give 1 or more"))
    }

    @Test func `a attempts of 0 traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            _ = try ProcessPool(workers: 1, attempts: 0)
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("a ProcessPool with a attempts of 0; give 1 or more"))
    }
}
