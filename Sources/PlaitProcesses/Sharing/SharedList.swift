internal import PlaitPlatform

/// An item of a ``SharedList``.
public enum SharedItem: Hashable, Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case bytes([UInt8])
}

/// A list of items of several types in shared memory. The number of items and the room of each are
/// fixed when the list is made. A string or bytes may be replaced by as many bytes as were there at
/// first, rounded up to 8.
///
/// There is no lock, so only one process may write at a time. The list lies in a ``SharedMemory``,
/// named or not, where other processes find it.
/// - Source: Python's `multiprocessing.shared_memory.ShareableList`.
public struct SharedList: RandomAccessCollection, Sendable {
    public let memory: SharedMemory
    public let count: Int

    // count; where each item starts, and where the last ends; each item: its kind, its size, its
    // bytes.
    private static let mark: UInt32 = 0x504C_6C31
    private enum Kind: UInt32 { case none, bool, int, double, string, bytes }

    /// Makes a list in memory of its own.
    /// - Throws: `SystemError`: ENOMEM, EMFILE.
    public init(_ items: [SharedItem]) throws {
        try self.init(items, in: try SharedMemory(bytes: Self.bytes(for: items)))
    }

    /// Makes a list at the start of existing memory, such as named memory.
    /// - Throws: ``SharedListError/noRoom(needed:room:)``.
    public init(_ items: [SharedItem], in memory: SharedMemory) throws {
        let needed = Self.bytes(for: items)
        guard memory.bytes >= needed else {
            throw SharedListError.noRoom(needed: needed, room: memory.bytes)
        }
        self.memory = memory
        count = items.count
        var start = Self.head(items.count)
        for (place, item) in items.enumerated() {
            memory.store(UInt32(start), at: 8 + 4 * place)
            start += Self.room(for: item)
        }
        memory.store(UInt32(start), at: 8 + 4 * items.count)
        for (place, item) in items.enumerated() { try store(item, at: place) }
        memory.store(UInt32(items.count), at: 4)
        memory.store(Self.mark, at: 0)
    }

    /// Finds the list at the start of memory.
    /// - Throws: ``SharingError/malformed(_:)`` if there is none.
    public init(in memory: SharedMemory) throws {
        let isLong = memory.bytes >= 12
        let count = isLong ? Int(memory.load(at: 4, as: UInt32.self)) : 0
        guard isLong, memory.load(at: 0, as: UInt32.self) == Self.mark,
            Self.head(count) <= memory.bytes
        else { throw SharingError.malformed("SharedList") }
        self.memory = memory
        self.count = count
        var last = Self.head(count)
        for place in 0...count {
            guard start(place) >= last, start(place) <= memory.bytes else {
                throw SharingError.malformed("SharedList")
            }
            last = start(place) + (place < count ? 8 : 0)
        }
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { count }

    /// The bytes that items need.
    public static func bytes(for items: [SharedItem]) -> Int {
        items.reduce(head(items.count)) { $0 + room(for: $1) }
    }

    private static func head(_ count: Int) -> Int { (8 + 4 * (count + 1) + 7) & ~7 }

    private static func room(for item: SharedItem) -> Int {
        switch item {
        case .none, .bool, .int, .double: 16
        case .string(let text): 8 + Swift.max(8, (text.utf8.count + 7) & ~7)
        case .bytes(let bytes): 8 + Swift.max(8, (bytes.count + 7) & ~7)
        }
    }

    private func start(_ place: Int) -> Int { Int(memory.load(at: 8 + 4 * place, as: UInt32.self)) }
    /// How many bytes a string may have at a place.
    public func room(at place: Int) -> Int {
        check(place)
        return start(place + 1) - start(place) - 8
    }

    /// The item at a place. Traps past the end.
    public subscript(place: Int) -> SharedItem {
        check(place)
        let start = start(place)
        let size = Swift.min(Int(memory.load(at: start + 4, as: UInt32.self)), room(at: place))
        switch Kind(rawValue: memory.load(at: start, as: UInt32.self)) {
        case .none?, nil: return .none
        case .bool?: return .bool(memory.load(at: start + 8, as: UInt8.self) != 0)
        case .int?: return .int(memory.load(at: start + 8, as: Int.self))
        case .double?: return .double(memory.load(at: start + 8, as: Double.self))
        case .string?: return .string(String(decoding: bytes(start + 8, size), as: UTF8.self))
        case .bytes?: return .bytes(bytes(start + 8, size))
        }
    }

    private func bytes(_ start: Int, _ count: Int) -> [UInt8] {
        Array(memory.view(of: UInt8.self, at: start, count: count))
    }

    /// Replaces an item by another of any type. Traps past the end.
    /// - Throws: ``SharedListError/tooLong(size:room:)``; the old item stays then.
    public func store(_ item: SharedItem, at place: Int) throws(SharedListError) {
        check(place)
        let start = start(place)
        switch item {
        case .none: put(.none, start)
        case .bool(let value): put(.bool, start, value ? 1 : 0)
        case .int(let value): put(.int, start, value)
        case .double(let value): put(.double, start, value)
        case .string(let text): try put(.string, place, Array(text.utf8))
        case .bytes(let bytes): try put(.bytes, place, bytes)
        }
    }

    private func put(_ kind: Kind, _ start: Int) { memory.store(kind.rawValue, at: start) }

    private func put(_ kind: Kind, _ start: Int, _ value: some BitwiseCopyable) {
        memory.store(value, at: start + 8)
        put(kind, start)
    }

    private func put(_ kind: Kind, _ place: Int, _ bytes: [UInt8]) throws(SharedListError) {
        guard bytes.count <= room(at: place) else {
            throw .tooLong(size: bytes.count, room: room(at: place))
        }
        memory.view(of: UInt8.self, at: start(place) + 8, count: bytes.count).store(bytes)
        memory.store(UInt32(bytes.count), at: start(place) + 4)
        put(kind, start(place))
    }

    private func check(_ place: Int) {
        demand(place >= 0 && place < count, "item \(place) of a SharedList of \(count)")
    }
}

/// Why an item was not stored.
public enum SharedListError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The item has more bytes than its place.
    case tooLong(size: Int, room: Int)
    /// The memory is smaller than the items.
    case noRoom(needed: Int, room: Int)

    public var description: String {
        switch self {
        case .tooLong(let size, let room):
            "an item of \(size) bytes in a place of a SharedList for \(room); make it with a longer one"
        case .noRoom(let needed, let room):
            "items that need \(needed) bytes in a SharedMemory of \(room)"
        }
    }
}
