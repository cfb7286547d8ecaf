import Foundation
import PlaitParking
import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// References on their way between processes, which hold their objects meanwhile.
@Suite(.timeLimit(.hang))
struct LoanTests {
    typealias Book = ManagedDictionary<Int, Int>

    private static func fresh(_ manager: Manager) throws -> Book {
        let book: Book = try manager.dictionary()
        try book.set(1, 11)
        return book
    }

    /// Until the manager has no object but these.
    private static func untilObjects(_ count: Int, _ manager: Manager) throws {
        while try manager.statistics().objects != count { Strand.yield() }
    }

    @Test(arguments: [StartMethod.forkServer, .spawn])
    func `a reference that only a process had arrives as its result`(
        _ method: StartMethod
    ) async throws {
        try await withTestManager { manager in
            for _ in 0..<20 {
                let book = try spawn(
                    .process, GiveBack.self, try Self.fresh(manager), method: method
                ).join()
                #expect(try book.get(1) == 11)
            }
            try Self.untilObjects(0, manager)
        }
    }

    @Test func `a reference arrives by a queue that a process put it into before it ended`()
        async throws
    {
        try await withTestManager { manager in
            let queue = try ProcessQueue<Book>(capacity: 4)
            for _ in 0..<20 {
                try spawn(
                    .process, PutAndEnd.self,
                    PutAndEnd.Input(queue: queue, book: try Self.fresh(manager))
                ).join()
                #expect(try queue.get().get(1) == 11)
            }
            try Self.untilObjects(0, manager)
        }
    }

    @Test func `references go through a pool, to every worker of it, and back`() async throws {
        try await withTestManager { manager in
            let pool = try ProcessPool(workers: 2)
            let books = try (0..<20).map { _ in try Self.fresh(manager) }
            let results = try pool.map(GiveBack.self, books, chunkSize: 3)
            #expect(results == books)
            // Nobody but the item has it.
            let future = try pool.submit(GiveBack.self, try Self.fresh(manager))
            #expect(try future.result().get(1) == 11)
            pool.close()
            try pool.join()
        }
    }

    @Test func `references that nobody takes up hold nothing`() async throws {
        try await withTestManager { manager in
            for _ in 0..<5 {
                // Killed before it takes it up, or after.
                let killed = try spawn(.process, GiveBack.self, try Self.fresh(manager))
                killed.kill()
                _ = try? killed.join()
                let ended = try spawn(.process, TakeAndEnd.self, try Self.fresh(manager))
                _ = try? ended.join()
                var options = ChildProcess.Options.ofFunction
                options.workingDirectory = "/nowhere at all"
                _ = try? spawn(
                    .process, GiveBack.self, try Self.fresh(manager), method: .spawn,
                    options: options)
                _ = try MessagePackEncoder().encode(try Self.fresh(manager))
                _ = try JSONEncoder().encode(try Self.fresh(manager))
            }
            let pool = try ProcessPool(workers: 1)
            pool.close()
            for _ in 0..<5 { _ = try? pool.submit(GiveBack.self, try Self.fresh(manager)) }
            try pool.join()
            try Self.untilObjects(0, manager)
        }
    }

    // MARK: The table

    @Test func `a loan outlives its lender by a minute`() {
        let table = ObjectTable()
        table.begin(1)
        let object = table.serve(Numbers(1))
        table.lend(object, 7, by: 1)
        table.release(object)
        table.end(1, now: 1_000)
        table.sweep(now: 1_000 + ObjectTable.grace)
        #expect(table.count == 1)
        table.sweep(now: 1_001 + ObjectTable.grace)
        #expect(table.count == 0)
    }

    @Test func `bytes that go nobody knows where hold for a second`() {
        let table = ObjectTable()
        table.begin(1)
        let object = table.serve(Numbers(1))
        table.lend(object, 7, by: 1, seconds: 1, now: 1_000)
        table.release(object)
        table.sweep(now: 1_000_001_000)
        #expect(table.count == 1)
        table.sweep(now: 1_000_001_001)
        #expect(table.count == 0)
    }

    @Test func `a loan whose lender lives stays until it is taken up`() {
        let table = ObjectTable()
        table.begin(1)
        let object = table.serve(Numbers(1))
        table.lend(object, 7, by: 1)
        table.release(object)
        table.sweep(now: .max - 1)
        #expect(table.count == 1)
        table.settle(7)
        #expect(table.count == 0)
    }

    @Test func `a loan that is taken up before it is known holds nothing`() {
        let table = ObjectTable()
        table.begin(1)
        let object = table.serve(Numbers(1))
        table.settle(7)
        table.lend(object, 7, by: 1)
        table.release(object)
        #expect(table.count == 0)
    }
}

enum GiveBack: ProcessFunction {
    static func run(_ book: ManagedDictionary<Int, Int>) throws -> ManagedDictionary<Int, Int> {
        book
    }
}

enum TakeAndEnd: ProcessFunction {
    static func run(_ book: ManagedDictionary<Int, Int>) throws -> Int { exit(1) }
}

enum PutAndEnd: ProcessFunction {
    struct Input: Codable, Sendable {
        let queue: ProcessQueue<ManagedDictionary<Int, Int>>
        let book: ManagedDictionary<Int, Int>
    }

    static func run(_ input: Input) throws -> Nothing {
        try input.queue.put(input.book)
        return Nothing()
    }
}
