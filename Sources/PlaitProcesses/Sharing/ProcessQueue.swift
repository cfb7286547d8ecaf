internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// A first-in, first-out queue between processes. Any number of strands may put and get.
///
/// Items go through shared memory: no thread feeds the queue, and a put returns when the others can
/// get the item. A process that is killed in the middle of a put or get does no harm: no item is
/// there in part, and no lock stays locked. An item that a killed process had got is gone.
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
/// A queue goes to another process in the input of its function or of a pool's initializer. A
/// process that is stopped (not killed) in the middle of a put holds up all other puts, and
/// likewise for gets.
/// - Source: Python's `multiprocessing.Queue`, `SimpleQueue` and `JoinableQueue`.
public final class ProcessQueue<Element: Codable & Sendable>: Sendable {
    private let pages: QueuePages
    private let file: SharedFile

    /// - Parameters:
    ///   - capacity: How many items it holds; nil holds as many as the memory allows.
    ///   - bytes: The size of its memory, at least 4,096 and rounded up to a power of two. The
    ///     longest item has 8 bytes less. The system gives memory only as it is first used.
    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public init(capacity: Int? = nil, bytes: Int = 1 << 22) throws {
        demand(capacity ?? 1 >= 1, "a ProcessQueue of capacity \(capacity ?? 0); give 1 or more")
        demand(bytes <= 1 << 40, "a ProcessQueue of \(bytes) bytes; give at most 2 to the 40th")
        var size = 4_096
        while size < bytes { size *= 2 }
        let capacity = min(capacity ?? .max, QueuePages.Position.mostRecords)
        file = SharedFile(owning: try QueuePages.make(bytes: size, capacity: capacity))
        pages = try QueuePages(mapping: file.number)
    }

    private init(_ pages: QueuePages, _ file: SharedFile) {
        (self.pages, self.file) = (pages, file)
    }

    /// How many items there are at this moment.
    public var count: Int { pages.count }
    public var isEmpty: Bool { count == 0 }
    /// Whether there is no place for another item, however small.
    public var isFull: Bool { pages.isFull }
    public var isShutDown: Bool { pages.isShutDown }
    /// How many strands of all processes wait for an item. A strand that was killed while it waited
    /// still counts.
    public var waitingGetters: Int { pages.puts.waiterCount }

    // MARK: Putting

    /// Puts an item. Waits while there is no place or memory for it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `QueueError.shutDown`; ``ProcessQueueError/tooLong(size:limit:)``; errors of the
    ///   item's encoding; `CancellationError`. The item is not in the queue then.
    /// - Source: Python's `Queue.put`.
    @available(*, noasync)
    public func put(_ item: Element) throws { _ = try put(item, within: nil) }

    /// As ``put(_:)``, suspending the calling task.
    public func put(_ item: Element) async throws { _ = try await put(item, within: nil) }

    /// Puts an item, waiting for at most the limit while there is no place or memory for it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Returns: False when the limit passed first. The item is not there then.
    /// - Throws: As ``put(_:)``.
    @available(*, noasync)
    public func put(_ item: Element, within limit: Duration?) throws -> Bool {
        let isDone: Void? = unsafe try ItemCoding.withBytes(of: item) { bytes in
            try check(bytes.count)
            return try SharedWait.run(on: putting, until: Deadline(within: limit)) { hasSlept in
                unsafe try putStep(bytes, hasSlept)
            }
        }
        return isDone != nil
    }

    /// As ``put(_:within:)``, suspending the calling task.
    public func put(_ item: Element, within limit: Duration?) async throws -> Bool {
        // No pointer outlives the suspension.
        let bytes = unsafe try ItemCoding.withBytes(of: item) { unsafe [UInt8]($0) }
        try check(bytes.count)
        let isDone: Void? = try await SharedWait.run(
            on: putting, until: Deadline(within: limit)
        ) { hasSlept in
            unsafe try bytes.withUnsafeBytes { unsafe try putStep($0, hasSlept) }
        }
        return isDone != nil
    }

    /// Puts an item if there is room now.
    /// - Returns: False when there is none.
    /// - Throws: As ``put(_:)``.
    @available(*, noasync)
    public func tryPut(_ item: Element) throws -> Bool { try put(item, within: .zero) }

    private var putting: WaitTarget { WaitTarget("ProcessQueue.put", self) }

    private func check(_ count: Int) throws {
        guard count <= pages.longest else {
            throw ProcessQueueError.tooLong(size: count, limit: pages.longest)
        }
    }

    private func putStep(
        _ bytes: UnsafeRawBufferPointer, _ hasSlept: Bool
    ) throws -> SharedStep<Void> {
        guard pages.beginPutting(hasSlept: hasSlept) else {
            return .waitBriefly(pages.putting.isFree(in: pages))
        }
        defer { _ = pages.putting.release() }
        if pages.isShutDown { throw QueueError.shutDown }
        let count = bytes.count
        guard pages.hasRoom(for: count) else {
            return .wait(
                pages.gets.condition { [pages] in
                    pages.hasRoom(for: count) || pages.isShutDown
                })
        }
        unsafe pages.write(bytes)
        pages.puts.tell()
        return .done(())
    }

    // MARK: Getting

    /// Takes the oldest item, waiting while there is none.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once.
    /// - Throws: `TimedOut` past the limit, `QueueError.shutDown` when nothing is left and nothing
    ///   can come; `DecodingError` for an item that is no `Element`, which is gone then;
    ///   `CancellationError`.
    /// - Source: Python's `Queue.get`.
    @available(*, noasync)
    public func get(within limit: Duration? = nil) throws -> Element {
        let item = try SharedWait.run(on: getting, until: Deadline(within: limit), getStep)
        guard let item else { throw late }
        return try item.decoded()
    }

    /// As ``get(within:)``, suspending the calling task.
    public func get(within limit: Duration? = nil) async throws -> Element {
        let item = try await SharedWait.run(on: getting, until: Deadline(within: limit), getStep)
        guard let item else { throw late }
        return try item.decoded()
    }

    /// Takes the oldest item, if there is one.
    /// - Throws: As ``get(within:)``, but for `TimedOut`.
    @available(*, noasync)
    public func tryGet() throws -> Element? {
        do {
            return try get(within: .zero)
        } catch is TimedOut {
            return nil
        }
    }

    private var late: TimedOut { TimedOut("get from \(self)") }

    private var getting: WaitTarget { WaitTarget("ProcessQueue.get", self) }

    private func getStep(_ hasSlept: Bool) throws -> SharedStep<PackedItem> {
        // Read before the count, since nothing comes after a shut-down.
        let isShutDown = pages.isShutDown
        if pages.isEmpty {
            if isShutDown { throw QueueError.shutDown }
            return .wait(pages.puts.condition { [pages] in !pages.isEmpty || pages.isShutDown })
        }
        guard pages.getting.tryAcquire(hasWaited: hasSlept) != .busy else {
            return .waitBriefly(pages.getting.isFree(in: pages))
        }
        defer { _ = pages.getting.release() }
        guard let item = unsafe try pages.read(PackedItem.init) else { return .again }
        // A waiting putter may need more room than this get has made, so each of them looks.
        pages.gets.tell(count: .max)
        return .done(item)
    }

    // MARK: Tasks

    /// Says that the work for one item is done. Traps when called more often than items were put.
    /// - Source: Python's `JoinableQueue.task_done`.
    public func taskDone() {
        demand(pages.finishOne(), "taskDone of a ProcessQueue all of whose items are done")
        if pages.unfinished == 0 { pages.dones.tell(count: .max) }
    }

    /// How many items were put and are not done.
    public var unfinishedCount: Int { pages.unfinished }

    /// Waits until every item that was put is done. An item that a killed process had got is never
    /// done.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: False when the limit passed first.
    /// - Source: Python's `JoinableQueue.join`.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    @discardableResult
    public func join(within limit: Duration? = nil) throws -> Bool {
        try SharedWait.run(on: joining, until: Deadline(within: limit), { _ in joinStep }) ?? false
    }

    /// As ``join(within:)``, suspending the calling task.
    @discardableResult
    public func join(within limit: Duration? = nil) async throws -> Bool {
        try await SharedWait.run(on: joining, until: Deadline(within: limit)) { _ in joinStep }
            ?? false
    }

    private var joining: WaitTarget { WaitTarget("ProcessQueue.join", self) }

    private var joinStep: SharedStep<Bool> {
        if pages.unfinished == 0 { return .done(true) }
        // A process that died in the middle of a put may have counted an item that is not there.
        if pages.beginPutting(hasSlept: false) { _ = pages.putting.release() }
        return pages.unfinished == 0
            ? .done(true) : .wait(pages.dones.condition { [pages] in pages.unfinished == 0 })
    }

    // MARK: The end

    /// Ends the queue for all processes. Nobody can put any more, and the items that are there can
    /// still be got.
    ///
    /// Waits for puts and gets that are in progress; for ever, if one of their processes is
    /// stopped.
    /// - Parameter immediately: Whether to drop the items that are there.
    /// - Throws: `SystemError`: EAGAIN where no thread can be had that sleeps for a fiber.
    @available(*, noasync)
    public func shutDown(immediately: Bool = false) throws {
        pages.shutDown()
        // Nobody puts or gets meanwhile, so no further item will ever come.
        try pages.putting.hold(in: pages, on: shuttingDown) { _ in
            try pages.getting.hold(in: pages, on: shuttingDown) { _ in
                if immediately { pages.dropAll() }
            }
        }
        tellAll()
    }

    /// As ``shutDown(immediately:)``, suspending the calling task, whose cancellation does not end
    /// it.
    public func shutDown(immediately: Bool = false) async throws {
        pages.shutDown()
        // One lock after the other. In between nobody can put any more, and gets do no harm.
        try await pages.putting.hold(in: pages, on: shuttingDown, isCancellable: false) { _ in }
        try await pages.getting.hold(in: pages, on: shuttingDown, isCancellable: false) { _ in
            if immediately { pages.dropAll() }
        }
        tellAll()
    }

    private var shuttingDown: WaitTarget { WaitTarget("ProcessQueue.shutDown", self) }

    private func tellAll() {
        pages.dones.tell(count: .max)
        pages.puts.tell(count: .max)
        pages.gets.tell(count: .max)
    }
}

/// Why a ``ProcessQueue`` did not take an item, apart from ``QueueError``.
public enum ProcessQueueError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The item has more bytes than the queue can ever hold.
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
        try file.encode(to: encoder, as: "ProcessQueue")
    }

    public convenience init(from decoder: any Decoder) throws {
        try self.init(try SharedFile(from: decoder, as: "ProcessQueue"))
    }

    private convenience init(_ file: SharedFile) throws {
        self.init(try QueuePages(mapping: file.number), file)
    }
}

/// Encodes the items of a ``ProcessQueue``: numbers as they lie in memory, arrays of bytes as they
/// are, others as MessagePack.
enum ItemCoding {
    static func withBytes<Item: Encodable, Result>(
        of item: Item, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        if PackedArray.isPlain(Item.self) {
            return unsafe try withUnsafeBytes(of: item) { unsafe try body($0) }
        }
        let bytes: [UInt8]
        if Item.self == [UInt8].self, let item = item as? [UInt8] {
            bytes = item
        } else {
            bytes = try MessagePackEncoder().encode(item, in: .unwatched)
        }
        return unsafe try bytes.withUnsafeBytes { unsafe try body($0) }
    }
}

/// The bytes of an item from the queue.
enum PackedItem {
    /// Few bytes, which need no memory of their own.
    case short(UInt64, count: Int)
    case long([UInt8])

    init(_ bytes: UnsafeRawBufferPointer) {
        if bytes.count <= 8 {
            var word: UInt64 = 0
            unsafe withUnsafeMutableBytes(of: &word) { unsafe $0.copyMemory(from: bytes) }
            self = .short(word, count: bytes.count)
        } else {
            self = .long(unsafe [UInt8](bytes))
        }
    }

    func decoded<Item: Decodable>() throws -> Item {
        if PackedArray.isPlain(Item.self) {
            guard case .short(var word, MemoryLayout<Item>.size) = self else {
                throw SharingError.malformed("ProcessQueue of \(Item.self)")
            }
            return unsafe withUnsafeBytes(of: &word) {
                unsafe $0.baseAddress!.assumingMemoryBound(to: Item.self).pointee
            }
        }
        let bytes = bytes
        if Item.self == [UInt8].self, let item = bytes as? Item { return item }
        return try MessagePackDecoder().decode(Item.self, from: bytes)
    }

    private var bytes: [UInt8] {
        switch self {
        case .short(var word, let count):
            unsafe withUnsafeBytes(of: &word) { unsafe [UInt8]($0.prefix(count)) }
        case .long(let bytes): bytes
        }
    }
}
