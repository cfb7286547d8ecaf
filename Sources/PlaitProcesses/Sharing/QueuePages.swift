internal import PlaitPlatform
internal import Synchronization

/// The memory of a ``ProcessQueue``: a ring of records, and a few words.
///
/// One store adds or removes a record: it writes a word that counts all records so far and their
/// bytes. So a process that dies in the middle leaves everything as it was before.
@safe
final class QueuePages: @unchecked Sendable {
    // Sendable: the holder of `putting` writes the tail and the bytes before it, the holder of
    // `getting` the head; all read both.

    /// Two counts, each modulo a power of two: of records, and of units of 8 bytes.
    struct Position: Equatable {
        static let unitBits: UInt64 = 40
        private static let unitMask: UInt64 = 1 << unitBits - 1
        static let recordMask: UInt64 = 1 << (64 - unitBits) - 1
        var bits: UInt64

        var units: UInt64 { bits & Self.unitMask }
        var records: UInt64 { bits >> Self.unitBits }

        /// The position after one more record.
        func after(units more: UInt64) -> Position {
            Position(
                bits: (records + 1) << Self.unitBits | (units + more) & Self.unitMask)
        }

        func bytes(since other: Position) -> Int { Int((units &- other.units) & Self.unitMask) * 8 }
        func records(since other: Position) -> Int {
            Int((records &- other.records) & Self.recordMask)
        }
        static var mostRecords: Int { Int(recordMask) / 2 }
    }

    private enum Place {
        static let putting = 0
        static let getting = 64
        static let tail = 128
        static let head = 192
        static let puts = 256
        static let gets = 320
        static let done = 384
        static let dones = 392
        static let everPut = 448
        static let flags = 512
        static let capacity = 520
        static let mark = 528
    }

    private static let mark: UInt64 = 0x706C_6169_7451_0001

    private let rings: SharedRings
    let bytes: Int
    let putting: RobustMutex
    let getting: RobustMutex
    /// The events after a put, a get, and a finished task.
    let puts: SharedEvents
    let gets: SharedEvents
    let dones: SharedEvents

    /// Makes a descriptor of new memory.
    static func make(bytes: Int, capacity: Int) throws -> Descriptor {
        let file = try SharedRings.make(name: "plait-queue", rings: 1, of: bytes)
        let pages = try QueuePages(mapping: file.number, bytes: bytes)
        try pages.putting.make()
        try pages.getting.make()
        unsafe pages.word(Place.capacity).pointee.store(UInt64(capacity), ordering: .relaxed)
        unsafe pages.word(Place.mark).pointee.store(mark, ordering: .releasing)
        return file
    }

    convenience init(mapping number: Int32) throws {
        let bytes = try SharedPages.size(of: number) - SharedRings.headSize
        guard bytes > 0, bytes.nonzeroBitCount == 1 else {
            throw SharingError.malformed("ProcessQueue")
        }
        try self.init(mapping: number, bytes: bytes)
        guard unsafe word(Place.mark).pointee.load(ordering: .acquiring) == Self.mark else {
            throw SharingError.malformed("ProcessQueue")
        }
    }

    private init(mapping number: Int32, bytes: Int) throws(SystemError) {
        rings = try SharedRings(mapping: number, rings: 1, of: bytes)
        self.bytes = bytes
        unsafe putting = RobustMutex(at: rings.head + Place.putting)
        unsafe getting = RobustMutex(at: rings.head + Place.getting)
        unsafe puts = SharedEvents(rings, at: rings.head + Place.puts)
        unsafe gets = SharedEvents(rings, at: rings.head + Place.gets)
        unsafe dones = SharedEvents(rings, at: rings.head + Place.dones)
    }

    private func word(_ place: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (rings.head + place).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    var head: Position {
        Position(bits: unsafe word(Place.head).pointee.load(ordering: .acquiring))
    }
    var tail: Position {
        Position(bits: unsafe word(Place.tail).pointee.load(ordering: .acquiring))
    }
    var capacity: Int {
        Int(clamping: unsafe word(Place.capacity).pointee.load(ordering: .relaxed))
    }
    /// Both words at one moment.
    private var ends: (head: Position, tail: Position) {
        while true {
            let (head, tail) = (head, tail)
            if head == self.head { return (head, tail) }
        }
    }
    var count: Int {
        let (head, tail) = ends
        return tail.records(since: head)
    }

    /// The bytes that an item of `count` bytes takes in the ring.
    private static func room(_ count: Int) -> Int { 8 + (count + 7) & ~7 }
    /// The bytes of the longest item.
    var longest: Int { bytes - 8 }

    // MARK: Records

    /// Whether there is room for an item. Without `putting` held, it may say no although there is
    /// room.
    func hasRoom(for count: Int) -> Bool {
        // Read the head first, so that the tail read later is not behind it.
        let head = head
        return Self.isRoom(for: count, bytes, capacity, (head, tail))
    }
    var isFull: Bool { !Self.isRoom(for: 1, bytes, capacity, ends) }

    private static func isRoom(
        for count: Int, _ bytes: Int, _ capacity: Int, _ ends: (head: Position, tail: Position)
    ) -> Bool {
        ends.tail.records(since: ends.head) < capacity
            && room(count) <= bytes - ends.tail.bytes(since: ends.head)
    }

    /// Whether there are no records.
    var isEmpty: Bool { head == tail }

    /// Takes `putting`, and repairs what a holder that died has left. Returns false if it is held.
    func beginPutting(hasSlept: Bool) -> Bool {
        switch putting.tryAcquire(hasWaited: hasSlept) {
        case .busy: return false
        case .taken: return true
        case .takenFromDead:
            // The dead holder had counted an item, but not put it.
            let counted = unsafe word(Place.everPut).pointee.load(ordering: .acquiring)
            if counted & Position.recordMask != tail.records {
                unsafe word(Place.everPut).pointee.store(counted &- 1, ordering: .releasing)
                dones.tell(count: .max)
            }
            return true
        }
    }

    /// Writes an item. Called under `putting`, when there is room.
    func write(_ item: UnsafeRawBufferPointer) {
        let tail = tail
        let put = unsafe word(Place.everPut).pointee.load(ordering: .relaxed) &+ 1
        unsafe word(Place.everPut).pointee.store(put, ordering: .releasing)
        let place = unsafe rings.ring(0) + Int(tail.units) &* 8 & (bytes - 1)
        unsafe place.storeBytes(of: UInt64(item.count), as: UInt64.self)
        if let from = item.baseAddress {
            unsafe (place + 8).copyMemory(from: from, byteCount: item.count)
        }
        let next = tail.after(units: UInt64(Self.room(item.count) / 8))
        unsafe word(Place.tail).pointee.store(next.bits, ordering: .releasing)
    }

    /// Takes the oldest item, and returns what `take` makes of its bytes; nil if there is none.
    /// Called under `getting`.
    /// - Throws: `SharingError.malformed` if a process has overwritten the item.
    func read<Item>(_ take: (UnsafeRawBufferPointer) -> Item) throws(SharingError) -> Item? {
        let (head, tail) = (head, tail)
        if head == tail { return nil }
        let place = unsafe UnsafeRawPointer(rings.ring(0) + Int(head.units) &* 8 & (bytes - 1))
        let count = unsafe Int(truncatingIfNeeded: place.load(as: UInt64.self))
        guard count >= 0, count <= longest, Self.room(count) <= tail.bytes(since: head) else {
            throw .malformed("ProcessQueue")
        }
        let item = unsafe take(UnsafeRawBufferPointer(start: place + 8, count: count))
        let next = head.after(units: UInt64(Self.room(count) / 8))
        unsafe word(Place.head).pointee.store(next.bits, ordering: .releasing)
        return item
    }

    /// Drops all items as if they had been read and their tasks done. Called under `getting`.
    func dropAll() {
        let dropped = UInt64(count)
        unsafe word(Place.head).pointee.store(tail.bits, ordering: .releasing)
        _ = unsafe word(Place.done).pointee.wrappingAdd(dropped, ordering: .acquiringAndReleasing)
    }

    // MARK: Tasks

    var unfinished: Int {
        while true {
            let done = unsafe word(Place.done).pointee.load(ordering: .acquiring)
            let put = unsafe word(Place.everPut).pointee.load(ordering: .acquiring)
            // Both words at one moment.
            if unsafe word(Place.done).pointee.load(ordering: .acquiring) == done {
                return Int(clamping: put &- done)
            }
        }
    }

    /// Counts one finished task. Returns false when no task is unfinished.
    func finishOne() -> Bool {
        while true {
            let done = unsafe word(Place.done).pointee.load(ordering: .acquiring)
            if unsafe word(Place.everPut).pointee.load(ordering: .acquiring) == done {
                return false
            }
            let isSet = unsafe word(Place.done).pointee.compareExchange(
                expected: done, desired: done &+ 1, ordering: .acquiringAndReleasing
            ).exchanged
            if isSet { return true }
        }
    }

    // MARK: The end

    var isShutDown: Bool { unsafe word(Place.flags).pointee.load(ordering: .acquiring) != 0 }
    func shutDown() { unsafe word(Place.flags).pointee.store(1, ordering: .releasing) }
}
