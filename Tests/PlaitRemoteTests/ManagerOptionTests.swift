import Foundation
import PlaitParking
import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// What managers take, how they begin, and iteration.
@Suite(.timeLimit(.hang))
struct ManagerOptionTests {
    @Test func `a call or result over the limit is an error of that call alone`() async throws {
        try await onThread {
            let limits = ManagerLimits(messageBytes: 10_000)
            try withManager(try Manager.start(limits: limits)) { manager in
                let value = try manager.value([UInt8](repeating: 1, count: 9_000))
                let error = #expect(throws: ManagerError.self) {
                    try value.set([UInt8](repeating: 1, count: 10_001))
                }
                guard case .tooLong = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
                let list = try manager.list([[UInt8](repeating: 1, count: 6_000)])
                try list.append([UInt8](repeating: 2, count: 6_000))
                #expect(throws: ManagerError.self) { try list.all() }
                // The connection goes on, and so do those who share it.
                #expect(try list.count() == 2)
                #expect(try value.get().count == 9_000)
            }
        }
    }

    @Test func `the depth of values is an option of a manager`() async throws {
        try await onThread {
            try withManager(try Manager.start()) { manager in
                let error = #expect(throws: RemoteError.self) {
                    try manager.value(Nest(depth: 100))
                }
                #expect(error?.type == "DecodingError")
                let depth = try manager.value(Nest(depth: 10)).get().depth
                #expect(depth == 10)
            }
            try withManager(try Manager.start(limits: ManagerLimits(depth: 1_000))) { manager in
                let value = try manager.value(Nest(depth: 400))
                let depth = try spawn(.thread, stackSize: 16 << 20) { try value.get().depth }.join()
                #expect(depth == 400)
            }
        }
    }

    @Test func `an initializer runs in the manager before it is used`() async throws {
        try await onThread {
            let manager = try Manager.start(initializer: SetVariable.self, "set")
            let counter = try manager.make(Counter.self, 1)
            #expect(try counter.call(Counter.Variable()) == "set")
            try manager.shutDown()
            #expect(throws: TooSmall(number: -1)) {
                try Manager.start(initializer: FailToBegin.self, -1)
            }
            let error = #expect(throws: ManagerDied.self) {
                try Manager.start(initializer: FailToBegin.self, 1)
            }
            #expect(error?.crash?.message?.contains("will not begin") == true)
        }
        let manager = try await Manager.start(initializer: SetVariable.self, "again")
        let counter = try await manager.make(Counter.self, 1)
        #expect(try await counter.call(Counter.Variable()) == "again")
        _ = try await manager.shutDown()
    }

    @Test func `a dictionary's items come one after the other`() async throws {
        let items = Dictionary(uniqueKeysWithValues: (0..<200).map { ($0, $0 * 2) })
        try await withTestManager { manager in
            let book: ManagedDictionary<Int, Int> = try manager.dictionary(items)
            var iterator = book.iterator()
            var found: [Int: Int] = [:]
            while let (key, value) = try iterator.next() { found[key] = value }
            #expect(found == items)
            #expect(try iterator.next() == nil)
            // What is removed on the way is left out.
            iterator = book.iterator()
            let first = try #require(try iterator.next())
            try book.removeAll()
            var rest = 1
            while let (key, _) = try iterator.next() {
                #expect(key != first.key)
                rest += 1
            }
            #expect(rest == 64)
        }
        let manager = try await Manager.start()
        let book: ManagedDictionary<Int, Int> = try await manager.dictionary(items)
        var found: [Int: Int] = [:]
        for try await (key, value) in book { found[key] = value }
        #expect(found == items)
        _ = try await manager.shutDown()
    }

    @Test func `tasks have a manager for a scope, and submit calls`() async throws {
        let (pid, numbers) = try await withManager { manager in
            let book: ManagedDictionary<Int, Int> = try await manager.dictionary()
            for number in 0..<100 { _ = try await book.submitSet(number, 2 * number) }
            let future = try await book.submitGet(99)
            #expect(try await future.result() == 198)
            return (manager.pid, try await book.count())
        }
        #expect(numbers == 100)
        #expect(kill(pid, 0) == -1)
        var started: Int32 = 0
        await #expect(throws: Unnamed.self) {
            try await withManager { manager in
                started = manager.pid
                _ = try await manager.statistics()
                throw Unnamed()
            }
        }
        #expect(kill(started, 0) == -1)
    }

    /// An error whose type another program would look for at a place of its own.
    @Test func `a private error goes to other programs as a description`() async throws {
        try await withTestManager { manager in
            let address = try manager.listen(on: Place.ipv4.address(), key: key)
            let own = try manager.make(Counter.self, named: "counter", 1)
            #expect(throws: HiddenError.self) { try own.call(Counter.FailHidden()) }
            let other = try spawn(
                .process, FailFromAfar.self, Connect.Input(address: address, key: key))
            #expect(try other.join() == "RemoteError HiddenError")
        }
    }
}

private struct HiddenError: Error, Codable {}

extension Counter {
    struct FailHidden: ManagedCall {
        func run(on counter: Counter) throws -> Int { throw HiddenError() }
    }

    struct Variable: ManagedCall {
        func run(on counter: Counter) -> String {
            ProcessInfo.processInfo.environment["PLAIT_TEST_VARIABLE"] ?? ""
        }
    }
}

/// Says what it is thrown by a manager that it has connected to.
enum FailFromAfar: ProcessFunction {
    static func run(_ input: Connect.Input) throws -> String {
        let manager = try Manager.connect(to: input.address, key: input.key)
        let counter = try manager.make(Counter.self, named: "counter", 1)
        do {
            return "\(try counter.call(Counter.FailHidden()))"
        } catch let error as RemoteError {
            return "RemoteError \(error.type)"
        } catch {
            return "\(error)"
        }
    }
}

enum SetVariable: ProcessFunction {
    static func run(_ value: String) throws -> Nothing {
        _ = unsafe setenv("PLAIT_TEST_VARIABLE", value, 1)
        return Nothing()
    }
}

enum FailToBegin: ProcessFunction {
    static func run(_ number: Int) throws -> Nothing {
        if number < 0 { throw TooSmall(number: number) }
        fatalError("it will not begin")
    }
}

/// A value that nests.
final class Nest: Codable, Sendable {
    let inner: Nest?
    init(_ inner: Nest?) { self.inner = inner }
    convenience init(depth: Int) {
        var nest: Nest?
        for _ in 1..<depth { nest = Nest(nest) }
        self.init(nest)
    }
    var depth: Int {
        var (count, nest) = (1, inner)
        while let next = nest { (count, nest) = (count + 1, next.inner) }
        return count
    }
}
