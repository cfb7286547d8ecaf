internal import PlaitPlatform
internal import Synchronization

/// What a pool and one of its workers share: tasks one way, answers the other, and how many tasks the
/// worker has begun.
@safe
final class WorkerMemory: @unchecked Sendable {
    // Sendable: the rings are; `begun` is atomic.
    enum Task {
        /// A number for a function from now on; its name follows.
        static let define: UInt8 = 1
        /// An input for the function of this number.
        static let one: UInt8 = 2
        /// An array of inputs.
        static let many: UInt8 = 3
        /// As those, but the bytes come over the connection.
        static let largeOne: UInt8 = 4
        static let largeMany: UInt8 = 5
        /// No more.
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

    /// Tasks begun so far; those answered are fewer by the one that runs.
    var begun: UInt64 {
        get { unsafe word.pointee.load(ordering: .acquiring) }
        set { unsafe word.pointee.store(newValue, ordering: .releasing) }
    }

    private var word: UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (rings.head + 2 * MessageRing.wordsSize).assumingMemoryBound(to: Atomic<UInt64>.self)
    }
}
