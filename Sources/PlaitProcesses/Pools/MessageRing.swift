internal import PlaitPlatform
internal import Synchronization

/// Messages from one process to another through shared memory, first in, first out: one producer,
/// one consumer. What was written stays to be read when the writer has died; what it was writing is
/// not there.
///
/// Neither waits here: each raises a flag before it sleeps, and the other wakes who has.
@safe
struct MessageRing: @unchecked Sendable {
    // Sendable: positions are atomic; bytes belong to the producer up to the tail's store, and to
    // the consumer after.
    static let size = 1 << 18
    /// Bytes of the longest message.
    static let longest = size / 4
    /// Bytes that its words take in the shared page.
    static let wordsSize = 256

    struct Corrupt: Error {}

    /// Keeps the memory.
    private let owner: SharedRings
    private let bytes: UnsafeMutableRawPointer
    /// Up to where it was read and written, counted from the beginning.
    private let head: UnsafeMutablePointer<Atomic<UInt64>>
    private let tail: UnsafeMutablePointer<Atomic<UInt64>>
    private let consumerSleeps: UnsafeMutablePointer<Atomic<UInt32>>
    private let producerSleeps: UnsafeMutablePointer<Atomic<UInt32>>

    init(_ rings: SharedRings, _ index: Int) {
        owner = rings
        unsafe bytes = unsafe rings.ring(index)
        let words = unsafe rings.head + MessageRing.wordsSize * index
        unsafe head = unsafe words.assumingMemoryBound(to: Atomic<UInt64>.self)
        unsafe tail = unsafe (words + 64).assumingMemoryBound(to: Atomic<UInt64>.self)
        unsafe consumerSleeps = unsafe (words + 128).assumingMemoryBound(to: Atomic<UInt32>.self)
        unsafe producerSleeps = unsafe (words + 192).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Bytes that a message takes.
    private static func room(_ count: Int) -> UInt64 { UInt64(8 + (count + 7) & ~7) }

    // MARK: The producer's

    /// Writes a message of two parts; false if there is no room.
    func write(_ kind: UInt8, _ number: UInt32 = 0, _ message: [UInt8] = []) -> Bool {
        let count = 4 + message.count
        let start = unsafe tail.pointee.load(ordering: .relaxed)
        let used = unsafe start &- head.pointee.load(ordering: .acquiring)
        guard Self.room(count) <= UInt64(Self.size) &- used else { return false }
        let place = unsafe bytes + Int(start & UInt64(Self.size - 1))
        unsafe place.storeBytes(of: UInt32(count), as: UInt32.self)
        unsafe place.storeBytes(of: UInt32(kind), toByteOffset: 4, as: UInt32.self)
        unsafe place.storeBytes(of: number, toByteOffset: 8, as: UInt32.self)
        unsafe message.withUnsafeBytes { message in
            guard let from = message.baseAddress else { return }
            unsafe (place + 12).copyMemory(from: from, byteCount: message.count)
        }
        unsafe tail.pointee.store(start &+ Self.room(count), ordering: .releasing)
        return true
    }

    /// Whether the consumer sleeps and is to be woken, by who gets true.
    func takeSleepingConsumer() -> Bool { unsafe Self.take(consumerSleeps) }

    /// Before the producer sleeps for want of room: raised, then looked once more, then slept.
    func producerWillSleep(_ will: Bool) { unsafe Self.announce(producerSleeps, will) }

    // MARK: The consumer's

    var isEmpty: Bool {
        unsafe head.pointee.load(ordering: .relaxed) == tail.pointee.load(ordering: .acquiring)
    }

    /// Takes the next message; nil if there is none.
    /// - Throws: ``Corrupt`` where the other process has written what it never does.
    func read() throws(Corrupt) -> (kind: UInt8, number: UInt32, message: [UInt8])? {
        let start = unsafe head.pointee.load(ordering: .relaxed)
        let used = unsafe tail.pointee.load(ordering: .acquiring) &- start
        guard used > 0 else { return nil }
        let place = unsafe UnsafeRawPointer(bytes + Int(start & UInt64(Self.size - 1)))
        let count = unsafe Int(place.load(as: UInt32.self))
        guard used >= 16, used <= UInt64(Self.size), count >= 4, Self.room(count) <= used else {
            throw Corrupt()
        }
        let kind = unsafe UInt8(truncatingIfNeeded: place.load(fromByteOffset: 4, as: UInt32.self))
        let number = unsafe place.load(fromByteOffset: 8, as: UInt32.self)
        let message = unsafe [UInt8](UnsafeRawBufferPointer(start: place + 12, count: count - 4))
        unsafe head.pointee.store(start &+ Self.room(count), ordering: .releasing)
        return (kind, number, message)
    }

    /// Whether the producer sleeps and is to be woken, by who gets true.
    func takeSleepingProducer() -> Bool { unsafe Self.take(producerSleeps) }

    /// Before the consumer sleeps: raised, then looked once more, then slept.
    func consumerWillSleep(_ will: Bool) { unsafe Self.announce(consumerSleeps, will) }

    private static func take(_ flag: UnsafeMutablePointer<Atomic<UInt32>>) -> Bool {
        // What was done before must be seen by who raises the flag after this look.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard unsafe flag.pointee.load(ordering: .relaxed) != 0 else { return false }
        return unsafe flag.pointee.exchange(0, ordering: .relaxed) != 0
    }

    private static func announce(_ flag: UnsafeMutablePointer<Atomic<UInt32>>, _ value: Bool) {
        unsafe flag.pointee.store(value ? 1 : 0, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }
}
