internal import PlaitPlatform
internal import Synchronization

/// A first-in, first-out ring of messages from one process to another in shared memory, for one
/// producer and one consumer. If the writer dies, its complete messages can still be read, and an
/// incomplete one is not there.
///
/// Neither side waits here. Each raises a flag before it sleeps, and the other wakes it if the flag
/// is up.
@safe
struct MessageRing: @unchecked Sendable {
    // Sendable: positions are atomic; bytes belong to the producer until it stores the tail, and to
    // the consumer after that.
    static let size = 1 << 18
    /// The bytes of the longest message.
    static let longest = size / 4
    /// The bytes that the ring's words take in the shared page.
    static let wordsSize = 256

    struct Corrupt: Error {}

    /// Keeps the memory alive.
    private let owner: SharedRings
    private let bytes: UnsafeMutableRawPointer
    /// How many bytes have been read and written since the beginning.
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

    /// The bytes that a message takes in the ring.
    private static func room(_ count: Int) -> UInt64 { UInt64(8 + (count + 7) & ~7) }

    // MARK: The producer's side

    /// Writes a message of two parts. Returns false if there is no room.
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

    /// Whether the consumer sleeps. A caller that gets true must wake it.
    func takeSleepingConsumer() -> Bool { unsafe Self.take(consumerSleeps) }

    /// Raises or lowers the producer's flag. Before the producer sleeps for lack of room, it raises
    /// the flag and looks once more.
    func producerWillSleep(_ will: Bool) { unsafe Self.announce(producerSleeps, will) }

    // MARK: The consumer's side

    var isEmpty: Bool {
        unsafe head.pointee.load(ordering: .relaxed) == tail.pointee.load(ordering: .acquiring)
    }

    /// Takes the next message; nil if there is none.
    /// - Throws: ``Corrupt`` if the other process has written invalid data.
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

    /// Whether the producer sleeps. A caller that gets true must wake it.
    func takeSleepingProducer() -> Bool { unsafe Self.take(producerSleeps) }

    /// Raises or lowers the consumer's flag. Before the consumer sleeps, it raises the flag and
    /// looks once more.
    func consumerWillSleep(_ will: Bool) { unsafe Self.announce(consumerSleeps, will) }

    private static func take(_ flag: UnsafeMutablePointer<Atomic<UInt32>>) -> Bool {
        // A side that raises its flag after this look must see everything done before it.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard unsafe flag.pointee.load(ordering: .relaxed) != 0 else { return false }
        return unsafe flag.pointee.exchange(0, ordering: .relaxed) != 0
    }

    private static func announce(_ flag: UnsafeMutablePointer<Atomic<UInt32>>, _ value: Bool) {
        unsafe flag.pointee.store(value ? 1 : 0, ordering: .relaxed)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }
}
