import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import Testing
import TestSupport

/// A value that does something when it is encoded or decoded, in this process or another.
struct Bomb: Codable, Sendable, Equatable {
    enum Moment: String, Codable { case encoding, decoding }
    enum Effect: String, Codable { case none, throwing, exiting, trapping }

    var moment = Moment.encoding
    var effect = Effect.none
    /// Where it works; elsewhere it does nothing.
    var place = Place.anywhere
    enum Place: String, Codable { case anywhere, worker }

    struct Failure: Error, Codable, Equatable {}
    enum Key: CodingKey { case moment, effect, place }

    init(_ moment: Moment = .encoding, _ effect: Effect = .none, in place: Place = .anywhere) {
        (self.moment, self.effect, self.place) = (moment, effect, place)
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        moment = try values.decode(Moment.self, forKey: .moment)
        effect = try values.decode(Effect.self, forKey: .effect)
        place = try values.decode(Place.self, forKey: .place)
        if moment == .decoding { try go() }
    }

    func encode(to encoder: any Encoder) throws {
        if moment == .encoding { try go() }
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(moment, forKey: .moment)
        try values.encode(effect, forKey: .effect)
        try values.encode(place, forKey: .place)
    }

    /// Set by what runs in a worker.
    nonisolated(unsafe) static var isWorker = false

    private func go() throws {
        if place == .worker && !(unsafe Bomb.isWorker) { return }
        switch effect {
        case .none: break
        case .throwing: throw Failure()
        case .exiting: exit(3)
        case .trapping: fatalError("while \(moment)")
        }
    }
}

enum BeWorker: ProcessFunction {
    static func run(_ nothing: Nothing) throws -> Nothing {
        unsafe Bomb.isWorker = true
        return nothing
    }
}

/// Gives back what it got.
enum Echo<Value: Codable & Sendable>: ProcessFunction {
    static func run(_ value: Value) throws -> Value { value }
}

/// Makes a bomb.
enum Arm: ProcessFunction {
    static func run(_ effect: Bomb.Effect) throws -> Bomb { Bomb(.encoding, effect, in: .worker) }
}

extension Bomb.Effect: Sendable {}
extension Bomb.Moment: Sendable {}
extension Bomb.Place: Sendable {}

/// Values that fail on the way to a worker, or back.
@Suite(.timeLimit(.hang))
struct ProcessPoolCodingTests {
    private func withPool<Result: Sendable>(
        _ body: @escaping @Sendable (ProcessPool) throws -> Result
    ) async throws -> Result {
        try await onThread {
            let pool = try ProcessPool(workers: 2, initializer: BeWorker.self, Nothing())
            let result = Swift.Result { try body(pool) }
            pool.close()
            try pool.join()
            return try result.get()
        }
    }

    // MP-059, FU-018
    @Test func `an input that cannot be encoded is the caller's error`() async throws {
        try await withPool { pool in
            #expect(throws: Bomb.Failure()) {
                try pool.submit(Echo<Bomb>.self, Bomb(.encoding, .throwing))
            }
            #expect(throws: Bomb.Failure()) {
                try pool.map(Echo<Bomb>.self, [Bomb(), Bomb(.encoding, .throwing)])
            }
            let well = try pool.apply(Echo<Bomb>.self, Bomb())
            #expect(well == Bomb())
        }
    }

    // FU-009, FU-010: rather than breaking the pool, they fail the item.
    @Test(arguments: [Bomb.Effect.exiting, .trapping, .throwing])
    func `a worker that ends while decoding fails its item alone`(
        _ effect: Bomb.Effect
    ) async throws {
        let (error, values) = try await withPool { pool in
            let bad = try pool.submit(Echo<Bomb>.self, Bomb(.decoding, effect, in: .worker))
            let good = try (0..<10).map { try pool.submit(Twice.self, $0) }
            return (try bad.error(), try good.map { try $0.result() })
        }
        #expect(values == (0..<10).map { $0 * 2 })
        switch effect {
        case .throwing: #expect(error is Bomb.Failure)
        case .exiting: #expect((error as? WorkerCrashed)?.status == .code(3))
        default: #expect((error as? WorkerCrashed)?.message == "Fatal error: while decoding")
        }
    }

    // FU-013, FU-014, FU-015, MP-074
    @Test(arguments: [Bomb.Effect.exiting, .trapping, .throwing])
    func `a worker that ends while encoding its answer fails its item alone`(
        _ effect: Bomb.Effect
    ) async throws {
        let errors = try await withPool { pool in
            try (0..<20).map { _ in try pool.submit(Arm.self, effect).error() }
        }
        for error in errors {
            switch effect {
            case .throwing: #expect(error is Bomb.Failure)
            case .exiting: #expect((error as? WorkerCrashed)?.status == .code(3))
            default: #expect((error as? WorkerCrashed)?.message == "Fatal error: while encoding")
            }
        }
    }

    // FU-016
    @Test func `an answer that cannot be decoded fails its future alone`() async throws {
        try await withPool { pool in
            let bad = try pool.submit(Echo<OneWay>.self, OneWay())
            #expect(throws: Bomb.Failure()) { try bad.result() }
            let well = try pool.apply(Twice.self, 4)
            #expect(well == 8)
        }
    }

    // FU-038, MP-069
    @Test
    func `an error that cannot be sent says what it was and where; the caller's own is as it is`()
        async throws
    {
        try await withPool { pool in
            let error = try #require(throws: RemoteError.self) { try pool.apply(Refuse.self, 0) }
            #expect(error.type == "Plain" && error.message == "Plain()")
            #expect(pool.pids.contains { pid in error.process.hasSuffix(" (\(pid))") })
            #expect(error.process.hasPrefix("pool-"))
            #expect("\(error)" == "Plain in process \(error.process): Plain()")
            #expect(throws: Bomb.Failure.self) {
                try pool.apply(Echo<Bomb>.self, Bomb(.encoding, .throwing))
            }
        }
    }

    // FU-039, MP-072
    @Test func `inputs are let go of, in the worker and by the pool`() async throws {
        try await onThread {
            try withProcessPool(workers: 1) { pool in
                func submit() throws -> Future<Int> {
                    let tracked = Tracked()
                    return try pool.submit(CountLive.self, [tracked])
                }
                // The pool keeps bytes only.
                let future = try submit()
                #expect(Tracked.live.value == 0)
                let (during, after) = (try future.result(), try pool.apply(CountLive.self, []))
                #expect(during == 1 && after == 0)
                let core = pool.core
                #expect(
                    core.guardLock.withLock {
                        core.pending.isEmpty && core.workers.allSatisfy { $0.sent.isEmpty }
                    })
            }
        }
    }

    @Test func `chunks of any type pass, empty strings and numbers too`() async throws {
        let (words, numbers, bytes, optionals) = try await withPool { pool in
            (
                try pool.map(Echo<String>.self, ["", "a", "ä"]),
                try pool.map(Echo<Double>.self, [0, -1.5, .infinity]),
                try pool.map(Echo<UInt8>.self, [0, 255]),
                try pool.map(Echo<Int?>.self, [1, nil, 3])
            )
        }
        #expect(words == ["", "a", "ä"] && numbers == [0, -1.5, .infinity])
        #expect(bytes == [0, 255] && optionals == [1, nil, 3])
    }
}

/// Knows how many of it there are in this process.
final class Tracked: Codable, Sendable {
    static let live = Box(0)

    init() { Self.live.update { $0 += 1 } }
    init(from decoder: any Decoder) throws { Self.live.update { $0 += 1 } }
    deinit { Self.live.update { $0 -= 1 } }

    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(1)
    }
}

enum CountLive: ProcessFunction {
    static func run(_ tracked: [Tracked]) throws -> Int { Tracked.live.value }
}

/// Is decoded only in a worker.
struct OneWay: Codable, Sendable {
    init() {}
    init(from decoder: any Decoder) throws {
        if !(unsafe Bomb.isWorker) { throw Bomb.Failure() }
    }
    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        try value.encode(1)
    }
}
