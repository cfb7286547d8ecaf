import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// Of fixed layout: as a C structure.
struct Reading: BitwiseCopyable, Sendable, Equatable {
    var number: Int32
    var value: Double
    var letter: (UInt8, UInt8, UInt8) = (0, 0, 0)

    static func == (left: Reading, right: Reading) -> Bool {
        left.number == right.number && left.value == right.value && left.letter == right.letter
    }
}

/// Changes one value of each type.
enum ChangeValues: ProcessFunction {
    struct Values: Codable, Sendable {
        let int: SharedValue<Int>
        let double: SharedValue<Double>
        let short: SharedValue<Int16>
        let reading: SharedValue<Reading>
        let numbers: SharedArray<Double>
        let text: SharedArray<UInt8>
        let raw: SharedMemory
    }

    static func run(_ values: Values) throws -> [Int] {
        let before = try values.int.load()
        try values.int.store(24)
        try values.double.withLock { $0 *= 2 }
        try values.short.store(-43)
        try values.reading.withLock { reading in
            reading.number += 1
            reading.value = -reading.value
            reading.letter = (1, 2, 3)
        }
        try values.numbers.withLock { numbers in
            for place in numbers.indices { numbers[place] *= 2 }
        }
        try values.text.store("hello".utf8, from: 0)
        let raw = values.raw.view(of: Int.self)
        for place in raw.indices { raw[place] += 100 }
        return [before, values.numbers.count]
    }
}

enum CountUp: ProcessFunction {
    struct Plan: Codable, Sendable {
        let counter: SharedValue<Int>
        let times: Int
    }

    static func run(_ plan: Plan) throws -> Nothing {
        for _ in 0..<plan.times { try plan.counter.withLock { $0 += 1 } }
        return Nothing()
    }
}

@Suite(.timeLimit(.hang))
struct SharedValueTests {
    // MP-043, MP-044, MP-046, MP-048, MP-094, MP-095
    @Test(arguments: SharingTests.methods)
    func `a child sees values of every type as they are, and its changes are seen`(
        _ method: StartMethod
    ) async throws {
        try await onThread {
            let values = ChangeValues.Values(
                int: try SharedValue(7), double: try SharedValue(1.5),
                short: try SharedValue(Int16(4)),
                reading: try SharedValue(Reading(number: 1, value: 0.5)),
                numbers: try SharedArray([1, 2.5, -3]),
                text: try SharedArray(repeating: UInt8(ascii: "-"), count: 6),
                raw: try SharedMemory(bytes: 24))
            values.raw.view(of: Int.self).store([1, 2, 3])
            let seen = try spawn(.process, ChangeValues.self, values, method: method).join()
            #expect(seen == [7, 3])
            #expect(try values.int.load() == 24)
            #expect(try values.double.load() == 3)
            #expect(try values.short.load() == -43)
            let reading = try values.reading.load()
            #expect(reading == Reading(number: 2, value: -0.5, letter: (1, 2, 3)))
            #expect(try values.numbers.load() == [2, 5, -6])
            #expect(String(decoding: try values.text.load(), as: UTF8.self) == "hello-")
            #expect(Array(values.raw.view(of: Int.self)) == [101, 102, 103])
        }
    }

    // MP-046
    @Test func `an array has a count, places and ranges`() async throws {
        try await onThread {
            let array = try SharedArray(0..<10)
            #expect(array.count == 10)
            #expect(try array.load(at: 3) == 3)
            #expect(try array.load(2..<5) == [2, 3, 4])
            #expect(try array.load(7...) == [7, 8, 9])
            try array.store([20, 30], from: 2)
            try array.store(-1, at: 9)
            #expect(try array.load() == [0, 1, 20, 30, 4, 5, 6, 7, 8, -1])
            #expect(array.unlocked.firstIndex(of: 30) == 3)
        }
    }

    // MP-047
    @Test func `one made by its size alone is all zero, whatever was there before`() async throws {
        try await onThread {
            for round in 1...3 {
                let array = try SharedArray(repeating: 0, count: 1_000)
                #expect(try array.load().allSatisfy { $0 == 0 })
                try array.withLock { view in for place in view.indices { view[place] = round } }
                #expect(try SharedMemory(bytes: 8_000).view(of: Int.self).allSatisfy { $0 == 0 })
            }
        }
    }

    @Test func `past its end an array traps`() async {
        let result = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            try await onThread { try SharedArray([1, 2]).store(3, at: 2) }
        }
        let said = text(result?.standardErrorContent ?? [])
        #expect(said.contains("value 2 of a shared run of 2"))
    }

    // MP-095
    @Test func `no change is lost under a value's lock, by processes, threads, fibers and tasks`()
        async throws
    {
        let counter = try SharedValue(0)
        let plan = CountUp.Plan(counter: counter, times: Stress.few)
        let task = Task {
            for _ in 0..<plan.times { try await counter.withLock { $0 += 1 } }
        }
        try await onThread {
            let children = try (0..<2).map { _ in try spawn(.process, CountUp.self, plan) }
            let thread = spawn(.thread) { try CountUp.run(plan) }
            let fibers = (0..<2).map { _ in spawn(.fiber) { try CountUp.run(plan) } }
            for child in children { try child.join() }
            for fiber in fibers { try fiber.join() }
            try thread.join()
        }
        try await task.value
        let sum = try await onThread { try counter.load() }
        #expect(sum == 6 * plan.times)
    }

    @Test func `what throws under the lock leaves the value as it was`() async throws {
        try await onThread {
            let value = try SharedValue(1)
            #expect(throws: CancellationError.self) {
                try value.withLock { number in
                    number = 2
                    throw CancellationError()
                }
            }
            #expect(try value.load() == 1)
        }
    }
}
