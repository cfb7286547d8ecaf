internal import PlaitPlatform
internal import Synchronization

/// The memory that a pool and one of its workers share. It has a ring of tasks, a ring of answers,
/// the number of tasks that the worker has begun, and whether the worker has grown too large.
@safe
final class WorkerMemory: @unchecked Sendable {
    // Sendable: the rings are; the words are atomic.
    enum Task {
        /// Defines a number for a function, whose name follows.
        static let define: UInt8 = 1
        /// An input for the function of this number.
        static let one: UInt8 = 2
        /// An array of inputs.
        static let many: UInt8 = 3
        /// The same kinds with bytes that come over the connection.
        static let largeOne: UInt8 = 4
        static let largeMany: UInt8 = 5
        /// There are no more tasks.
        static let end: UInt8 = 6
    }

    enum Answers {
        static let answer: UInt8 = 1
        /// The bytes come over the connection.
        static let large: UInt8 = 2
    }

    let tasks: MessageRing
    let answers: MessageRing
    private let rings: SharedRings

    static func make(name: String) throws(SystemError) -> Descriptor {
        try SharedRings.make(name: name, rings: 2, of: MessageRing.size)
    }

    init(mapping number: Int32) throws(SystemError) {
        rings = try SharedRings(mapping: number, rings: 2, of: MessageRing.size)
        tasks = MessageRing(rings, 0)
        answers = MessageRing(rings, 1)
    }

    /// How many tasks the worker has begun. One more than it has answered, while a task runs.
    var begun: UInt64 {
        get { unsafe word(0).pointee.load(ordering: .acquiring) }
        set { unsafe word(0).pointee.store(newValue, ordering: .releasing) }
    }

    /// Whether the worker had too much memory after its last task. Set before the answer is there.
    var isOversized: Bool {
        get { unsafe word(1).pointee.load(ordering: .relaxed) != 0 }
        set { unsafe word(1).pointee.store(newValue ? 1 : 0, ordering: .relaxed) }
    }

    private func word(_ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (rings.head + 2 * MessageRing.wordsSize + 64 * index)
            .assumingMemoryBound(to: Atomic<UInt64>.self)
    }
}
