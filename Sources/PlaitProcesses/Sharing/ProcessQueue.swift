internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// A queue between processes, first in, first out: any number put and get.
///
/// Items go through memory that they share: no thread feeds it, and putting returns when the item is there for
/// the others. A process that is killed in the middle of a put or get harms nobody: no item is there in part,
/// and no lock stays locked. An item that a process had got is gone with it.
///
/// ```swift
/// enum Produce: ProcessFunction {
///     static func run(_ queue: ProcessQueue<String>) throws -> Nothing {
///         for word in ["a", "b", "c"] { try queue.put(word) }
///         return Nothing()
///     }
/// }
/// let queue = try ProcessQueue<String>()
/// let producer = try spawn(.process, Produce.self, queue)
/// print(try queue.get())
/// ```
/// It goes to another process in the input of its function, or of a pool's initializer. A process that is
/// stopped, rather than killed, in the middle of a put holds up others that put, and likewise for get.
/// - Source: Python's `multiprocessing.Queue`, `SimpleQueue` and `JoinableQueue`.
public final class ProcessQueue<Element: Codable & Sendable>: Sendable {
    private let pages: QueuePages
    private let file: Int32

    /// - Parameters:
    ///   - capacity: Items; nil: as many as there is memory for.
    ///   - bytes: Of memory, at least 4,096, made a power of two: the longest item has 8 less. It is taken from
    ///     the system as it is first used.
    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public init(capacity: Int? = nil, bytes: Int = 1 << 22) throws {
        demand(capacity ?? 1 >= 1, "a ProcessQueue of capacity \(capacity ?? 0); give 1 or more")
        demand(bytes <= 1 << 40, "a ProcessQueue of \(bytes) bytes; give at most 2 to the 40th")
        var size = 4_096
        while size < bytes { size *= 2 }
        let capacity = min(capacity ?? .max, QueuePages.Position.mostRecords)
        let file = try QueuePages.make(bytes: size, capacity: capacity)
        pages = try QueuePages(mapping: file.number)
        self.file = file.release()
    }

    private init(owning file: consuming Descriptor) throws {
        pages = try QueuePages(mapping: file.number)
        self.file = file.release()
    }

    deinit { closeDescriptor(file) }

    /// Items at this moment.
    public var count: Int { pages.count }
    public var isEmpty: Bool { count == 0 }
    /// Whether there is no place for another item, of however few bytes.
    public var isFull: Bool { !pages.hasRoom(for: 1) }
    public var isShutDown: Bool { pages.isShutDown }
    /// Strands of all processes that wait for an item; one that was killed meanwhile counts on.
    public var waitingGetters: Int { pages.puts.waiterCount }

    // MARK: Putting

    /// Puts an item, waiting while there is no place or memory for it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `QueueError.full` past the limit, `.shutDown`; ``ProcessQueueError/tooLong(size:limit:)``; what
    ///   the item's encoding throws; `CancellationError`, up to 50 ms late. The item is not there then.
    /// - Source: Python's `Queue.put`.
    @available(*, noasync)
    public func put(_ item: Element, within limit: Duration? = nil) throws {
        let bytes = try ItemCoding.encode(item)
        guard bytes.count <= pages.longest else {
            throw ProcessQueueError.tooLong(size: bytes.count, limit: pages.longest)
        }
        let deadline = Deadline(within: limit)
        while true {
            if pages.isShutDown { throw QueueError.shutDown }
            if try write(bytes, until: deadline) { break }
            let isReady = try pages.gets.wait(until: deadline) {
                pages.hasRoom(for: bytes.count) || pages.isShutDown
            }
            guard isReady else { throw QueueError.full }
        }
        pages.puts.tell()
    }

    /// As ``put(_:within:)``, suspending the calling task, whose cancellation does not end it.
    public func put(_ item: Element, within limit: Duration? = nil) async throws {
        try await blocking { try self.put(item, within: limit) }
    }

    /// Puts an item if there is room now.
    /// - Returns: False when there is none.
    /// - Throws: As ``put(_:within:)``, but for `.full`.
    @available(*, noasync)
    public func tryPut(_ item: Element) throws -> Bool {
        do {
            try put(item, within: .zero)
            return true
        } catch QueueError.full {
            return false
        }
    }

    private func write(_ bytes: [UInt8], until deadline: Deadline) throws -> Bool {
        // Held for a copy, if its holder is not stopped.
        guard try pages.putting.acquire(until: deadline) != nil else { throw QueueError.full }
        defer { _ = pages.putting.release() }
        guard pages.hasRoom(for: bytes.count), !pages.isShutDown else { return false }
        pages.write(bytes)
        return true
    }

    // MARK: Getting

    /// Takes the oldest item, waiting while there is none.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `QueueError.empty` past the limit, `.shutDown` when nothing is left and nothing can come;
    ///   `DecodingError` for an item that is no `Element`, which is gone then; `CancellationError`, up to
    ///   50 ms late.
    /// - Source: Python's `Queue.get`.
    @available(*, noasync)
    public func get(within limit: Duration? = nil) throws -> Element {
        let deadline = Deadline(within: limit)
        while true {
            if let bytes = try read(until: deadline) {
                pages.gets.tell()
                return try ItemCoding.decode(bytes)
            }
            if pages.isShutDown && pages.count == 0 { throw QueueError.shutDown }
            let isReady = try pages.puts.wait(until: deadline) {
                pages.count > 0 || pages.isShutDown
            }
            guard isReady else { throw QueueError.empty }
        }
    }

    /// As ``get(within:)``, suspending the calling task, whose cancellation does not end it.
    public func get(within limit: Duration? = nil) async throws -> Element {
        try await blocking { try self.get(within: limit) }
    }

    /// Takes the oldest item, if there is one.
    /// - Throws: As ``get(within:)``, but for `.empty`.
    @available(*, noasync)
    public func tryGet() throws -> Element? {
        do {
            return try get(within: .zero)
        } catch QueueError.empty {
            return nil
        }
    }

    private func read(until deadline: Deadline) throws -> [UInt8]? {
        if pages.count == 0 { return nil }
        guard try pages.getting.acquire(until: deadline) != nil else { throw QueueError.empty }
        defer { _ = pages.getting.release() }
        return try pages.read()
    }

    // MARK: Tasks

    /// Says that the work for an item that was got is done. Traps when it is said more often than there were
    /// items.
    /// - Source: Python's `JoinableQueue.task_done`.
    public func taskDone() {
        demand(pages.finishOne(), "taskDone of a ProcessQueue all of whose items are done")
        if pages.unfinished == 0 { pages.dones.tell(count: .max) }
    }

    /// Items that were put and not said to be done.
    public var unfinishedCount: Int { pages.unfinished }

    /// Waits until every item that was put is done. One that a killed process had got never is.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: False when the limit passed first.
    /// - Source: Python's `JoinableQueue.join`.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> Bool {
        try pages.dones.wait(until: Deadline(within: limit)) { pages.unfinished == 0 }
    }

    // MARK: The end

    /// Ends it for all processes: nothing more is put, and what is there can still be got.
    /// - Parameter immediately: Drops what is there, too.
    public func shutDown(immediately: Bool = false) {
        // Nobody puts or gets meanwhile: what is there then is all that will ever be.
        pages.putting.acquireUncancellably()
        pages.getting.acquireUncancellably()
        pages.shutDown()
        if immediately { pages.dropAll() }
        _ = pages.getting.release()
        _ = pages.putting.release()
        pages.dones.tell(count: .max)
        pages.puts.tell(count: .max)
        pages.gets.tell(count: .max)
    }
}

/// Why a ``ProcessQueue`` did not take an item, other than a ``QueueError``.
public enum ProcessQueueError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It has more bytes than there can ever be room for.
    case tooLong(size: Int, limit: Int)

    public var description: String {
        switch self {
        case .tooLong(let size, let limit):
            "an item of \(size) bytes for a ProcessQueue of at most \(limit); make it with more bytes"
        }
    }
}

extension ProcessQueue: Codable {
    public func encode(to encoder: any Encoder) throws {
        let bag = try DescriptorBag.of(encoder.userInfo, for: "ProcessQueue")
        var container = encoder.singleValueContainer()
        try container.encode(bag.put(file))
    }

    public convenience init(from decoder: any Decoder) throws {
        let bag = try DescriptorBag.of(decoder.userInfo, for: "ProcessQueue")
        try self.init(owning: try bag.copy(try decoder.singleValueContainer().decode(Int.self)))
    }
}

/// Items of a ``ProcessQueue`` as bytes: arrays of bytes as they are, others as MessagePack.
enum ItemCoding {
    static func encode<Item: Encodable>(_ item: Item) throws -> [UInt8] {
        if Item.self == [UInt8].self, let bytes = item as? [UInt8] { return bytes }
        return try MessagePackEncoder().encode(item)
    }

    static func decode<Item: Decodable>(_ bytes: [UInt8]) throws -> Item {
        if Item.self == [UInt8].self, let item = bytes as? Item { return item }
        return try MessagePackDecoder().decode(Item.self, from: bytes)
    }
}
