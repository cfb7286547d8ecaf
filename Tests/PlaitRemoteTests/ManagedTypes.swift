import Foundation
import PlaitParking
import PlaitPlatform
import PlaitProcesses
import PlaitRemote
import PlaitStrands
import PlaitSync

/// A class whose objects managers make, and its calls.
final class Counter: ManagedType {
    var count: Int

    init(_ first: Int) throws {
        if first < 0 { throw TooSmall(number: first) }
        count = first
    }

    struct Add: ManagedCall {
        var amount: Int
        func run(on counter: Counter) -> Int {
            counter.count += amount
            return counter.count
        }
    }

    /// Throws what travels, and what does not.
    struct Fail: ManagedCall {
        var isCodable: Bool
        func run(on counter: Counter) throws -> Int {
            if isCodable { throw TooSmall(number: counter.count) }
            throw Unnamed()
        }
    }

    struct Trap: ManagedCall {
        func run(on counter: Counter) -> Int { fatalError("count was \(counter.count)") }
    }

    struct Quit: ManagedCall {
        var code: Int32
        func run(on counter: Counter) -> Int { exit(code) }
    }

    /// Waits as long as it is told, in a fiber of its own.
    struct Rest: ManagedCall {
        var duration: Duration
        static var mayWait: Bool { true }
        func run(on counter: Counter) throws -> Int {
            try Strand.sleep(for: duration)
            return counter.count
        }
    }

    struct Process: ManagedCall {
        func run(on counter: Counter) -> Int32 { getpid() }
    }

    struct CountDown: ManagedCall {
        func run(on counter: Counter) throws -> Managed<Numbers> {
            try Managed(sharing: Numbers(counter.count))
        }
    }

    /// A call that this file alone knows.
    private struct Hidden: ManagedCall {
        func run(on counter: Counter) -> String { "hidden \(counter.count)" }
    }

    static func callHidden(_ counter: Managed<Counter>) throws -> String {
        try counter.call(Hidden())
    }
}

/// What a call gives that goes through something: it stays in the manager.
final class Numbers {
    var next: Int
    init(_ first: Int) { next = first }

    struct Next: ManagedCall {
        func run(on numbers: Numbers) -> Int? {
            guard numbers.next > 0 else { return nil }
            defer { numbers.next -= 1 }
            return numbers.next
        }
    }
}

struct TooSmall: Error, Codable, Equatable { let number: Int }
struct Unnamed: Error {}

struct Adding: ManagedUpdate {
    var amount: Int
    func apply(to value: inout Int) throws {
        if amount < 0 { throw TooSmall(number: amount) }
        value += amount
    }
}

/// Cannot be encoded.
struct Stubborn: Codable, Sendable {
    var isStubborn: Bool
    func encode(to encoder: any Encoder) throws {
        if isStubborn {
            throw EncodingError.invalidValue(
                self, EncodingError.Context(codingPath: [], debugDescription: "it will not"))
        }
        var container = encoder.singleValueContainer()
        try container.encode(isStubborn)
    }
    init(_ isStubborn: Bool) { self.isStubborn = isStubborn }
    init(from decoder: any Decoder) throws {
        isStubborn = try decoder.singleValueContainer().decode(Bool.self)
    }
}

/// A list that may hold itself.
indirect enum Tree: Codable, Sendable {
    case leaf(Int)
    case list(ManagedList<Tree>)
}

// MARK: What other processes do.

enum Remember: ProcessFunction {
    static func run(_ book: ManagedDictionary<String, Int>) throws -> Nothing {
        try book.set("pid", Int(getpid()))
        try book.merge(["one": 1, "two": 2])
        return Nothing()
    }
}

enum CountUp: ProcessFunction {
    struct Input: Codable, Sendable {
        let book: ManagedDictionary<String, Int>
        let times: Int
    }

    static func run(_ input: Input) throws -> Nothing {
        for _ in 0..<input.times {
            try input.book.update("count", default: 0, by: Adding(amount: 1))
        }
        return Nothing()
    }
}

enum UseLock: ProcessFunction {
    struct Input: Codable, Sendable {
        let lock: ManagedLock
        let value: ManagedValue<Int>
        let times: Int
    }

    static func run(_ input: Input) throws -> Nothing {
        for _ in 0..<input.times {
            try input.lock.withLock { _ in _ = try input.value.set(try input.value.get() + 1) }
        }
        return Nothing()
    }
}

/// Takes a lock, says so, and waits to be killed.
enum HoldLock: ProcessFunction {
    struct Input: Codable, Sendable {
        let lock: ManagedLock
        let isHeld: ManagedEvent
    }

    static func run(_ input: Input) throws -> Nothing {
        try input.lock.acquire()
        try input.isHeld.set()
        try input.isHeld.wait()
        while true { try Strand.sleep(for: .seconds(3_600)) }
    }
}

/// Waits for a lock or an item that does not come.
enum WaitInVain: ProcessFunction {
    struct Input: Codable, Sendable {
        var lock: ManagedLock?
        var queue: ManagedQueue<Int>?
    }

    static func run(_ input: Input) throws -> Nothing {
        try input.lock?.acquire()
        _ = try input.queue?.get()
        return Nothing()
    }
}

enum Work: ProcessFunction {
    struct Input: Codable, Sendable {
        let tasks: ManagedQueue<Int>
        let results: ManagedQueue<Int>
    }

    static func run(_ input: Input) throws -> Nothing {
        while true {
            do {
                try input.results.put(try input.tasks.get() * 2)
            } catch QueueError.shutDown {
                return Nothing()
            }
            try input.tasks.taskDone()
        }
    }
}

enum Meet: ProcessFunction {
    static func run(_ barrier: ManagedBarrier) throws -> Int { try barrier.wait() }
}

/// Waits at a condition until a value is 10.
enum Await10: ProcessFunction {
    struct Input: Codable, Sendable {
        let condition: ManagedCondition
        let value: ManagedValue<Int>
    }

    static func run(_ input: Input) throws -> Int {
        try input.condition.withLock {
            while try input.value.get() < 10 { try input.condition.wait() }
            return try input.value.get()
        }
    }
}

/// Makes an object in the parent's manager and gives it back.
enum MakeList: ProcessFunction {
    static func run(_ outer: ManagedList<ManagedList<Int>>) throws -> ManagedList<Int> {
        try outer.get(0)
    }
}

enum Sum: ProcessFunction {
    static func run(_ list: ManagedList<Int>) throws -> Int { try list.all().reduce(0, +) }
}

/// Connects to a manager by its address and key, as any program does.
enum Connect: ProcessFunction {
    struct Input: Codable, Sendable {
        let address: SocketAddress
        let key: [UInt8]
    }

    static func run(_ input: Input) throws -> String {
        let manager = try Manager.connect(to: input.address, key: input.key)
        let queue: ManagedQueue<[String: Int]> = try manager.queue(named: "jobs", capacity: 8)
        try queue.put(["pid": Int(getpid())])
        // The same through a reference that travels.
        let counter = try manager.make(Counter.self, 3)
        return "\(manager.name) \(try counter.call(Counter.Add(amount: 4)))"
    }
}

/// Makes a call whose type is private to this program's file.
enum ConnectHidden: ProcessFunction {
    static func run(_ input: Connect.Input) throws -> String {
        let manager = try Manager.connect(to: input.address, key: input.key)
        return try Counter.callHidden(manager.make(Counter.self, 3))
    }
}

/// Connects by TCP, and sends a reference to a child of its own.
enum SendOn: ProcessFunction {
    static func run(_ input: Connect.Input) throws -> Int {
        let manager = try Manager.connect(to: input.address, key: input.key)
        return try spawn(.process, Sum.self, try manager.list([1, 2])).join()
    }
}

/// A class that this file alone knows.
private final class Secret: ManagedType {
    let word: String
    init(_ word: String) { self.word = word }

    struct Tell: ManagedCall {
        func run(on secret: Secret) -> String { secret.word }
    }
}

func tellSecret(_ manager: Manager, _ word: String) throws -> String {
    try manager.make(Secret.self, word).call(Secret.Tell())
}

/// Tells, by a manager, what a class says that one function alone knows.
func tellLocally(_ manager: Manager, _ word: String) throws -> String {
    final class Local: ManagedType {
        let word: String
        init(_ word: String) { self.word = word }

        struct Tell: ManagedCall {
            func run(on local: Local) -> String { local.word }
        }
    }
    return try manager.make(Local.self, named: "local", word).call(Local.Tell())
}

/// Makes an object whose type is private to this program's file.
enum ConnectSecret: ProcessFunction {
    static func run(_ input: Connect.Input) throws -> String {
        try tellSecret(Manager.connect(to: input.address, key: input.key), "none")
    }
}
