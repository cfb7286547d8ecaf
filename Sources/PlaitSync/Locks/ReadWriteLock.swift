public import PlaitParking
internal import PlaitPlatform

/// A lock for threads, fibers and tasks, which many readers or one writer can hold.
///
/// Neither side starves. A waiting writer holds back readers that come after it. When a writer
/// releases the lock, all waiting readers go in before the next writer. Writers are served first
/// come, first served. If a writer gives up, the readers that it held back go in at once.
///
/// The lock is not reentrant. A reader that acquires again may wait behind a writer that waits for
/// this reader, and a reader that wants to write waits for itself. Any strand may release what
/// another took, as with ``Lock``.
/// - Source: the fair lock of Python's `readerwriterlock` and glibc's
///   `PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP`; Python's own library has none.
public final class ReadWriteLock: @unchecked Sendable {
    // Sendable: `guardLock` guards `state`, `writerKey` and `readerKeys`.
    private let guardLock = ShortLock()
    private var state = ReadWriteState<WaitQueue>()
    private var writerKey = StrandKey.none
    /// The known readers, for the search for deadlocks. Some are missing if there are more than
    /// ``noted``, since many readers would make the search slow, or if a strand released what
    /// another took.
    private var readerKeys: [StrandKey] = []
    private static let noted = 32
    /// The name in reports; nil for none.
    public var name: String? { label.name }
    /// Its name in reports, or where it was made.
    public let label: ObjectLabel
    let onDeadlock: DeadlockDetection.Policy?

    /// - Parameters:
    ///   - name: The name in reports of deadlocks.
    ///   - onDeadlock: What to do when a wait for this lock is a deadlock; nil for what
    ///     ``DeadlockDetection/policy-swift.type.property`` says then.
    public init(
        name: String? = nil, onDeadlock: DeadlockDetection.Policy? = nil,
        file: StaticString = #fileID, line: UInt = #line
    ) {
        label = ObjectLabel(name, file, line)
        self.onDeadlock = onDeadlock
    }

    /// Whether anyone holds it for reading at this moment.
    public var isReadLocked: Bool { readerCount > 0 }
    /// Whether anyone holds it for writing at this moment.
    public var isWriteLocked: Bool { guardLock.withLock { state.holder == .writer } }
    /// How many strands hold it for reading at this moment.
    public var readerCount: Int { guardLock.withLock { state.readerCount } }

    /// The strand that holds it for writing; none when it is free or has readers.
    package var writer: StrandKey { guardLock.withLock { writerKey } }

    /// The holders; empty if not all are known.
    var holders: [StrandKey] {
        guardLock.withLock {
            if state.holder == .writer { return [writerKey] }
            return readerKeys.count == state.readerCount ? readerKeys : []
        }
    }

    // MARK: Reading

    /// Takes it for reading, unless a writer holds it or waits for it. Never waits.
    public func tryAcquireRead() -> Bool { tryRead(.current) }

    /// Takes it for reading, waiting while a writer holds it or has waited for longer.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled; it is not held then.
    @available(*, noasync)
    public func acquireRead() throws {
        _ = try acquireRead(within: nil)
    }

    /// Takes it for reading, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Whether it is held now.
    @available(*, noasync)
    public func acquireRead(within limit: Duration?) throws -> Bool {
        let key = StrandKey.current
        if tryRead(key) { return true }
        return try blockReader(key, until: Deadline(within: limit), isCancellable: true)
            .wasWoken()
    }

    /// Takes it for reading, suspending the calling task.
    public func acquireRead() async throws {
        _ = try await acquireRead(within: nil)
    }

    /// Takes it for reading, suspending the calling task at most for `limit`.
    public func acquireRead(within limit: Duration?) async throws -> Bool {
        let key = StrandKey.current
        if tryRead(key) { return true }
        let deadline = Deadline(within: limit)
        let watch = try LockWatch.begin(self, key, until: deadline)
        defer { watch?.end() }
        let place = ItemPlace(key)
        return try unsafe await Parking.suspend(
            on: WaitTarget("ReadWriteLock.acquireRead", self), slot: place.address,
            until: deadline, enrol: { self.enrolReader($0) },
            withdraw: { self.withdrawReader($0) }
        ).wasWoken()
    }

    /// Undoes ``acquireRead()``. The last reader lets the next writer in.
    ///
    /// Traps when nobody reads.
    public func releaseRead() {
        let key = StrandKey.current
        demand(
            change { state in
                let isReader = state.releaseRead()
                if isReader { forgetReader(key, areNone: state.readerCount == 0) }
                return isReader
            },
            "releaseRead of a ReadWriteLock that nobody reads, by strand \(Strand.current.name)")
    }

    // MARK: Writing

    /// Takes it for writing if nobody holds it. Never waits.
    public func tryAcquireWrite() -> Bool { tryWrite(StrandKey.current) }

    /// Takes it for writing, waiting while others hold it.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Throws: `CancellationError` when the strand is cancelled; it is not held then.
    @available(*, noasync)
    public func acquireWrite() throws {
        _ = try acquireWrite(within: nil)
    }

    /// Takes it for writing, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Whether it is held now.
    @available(*, noasync)
    public func acquireWrite(within limit: Duration?) throws -> Bool {
        let key = StrandKey.current
        if tryWrite(key) { return true }
        return try blockWriter(key, until: Deadline(within: limit), isCancellable: true).wasWoken()
    }

    /// Takes it for writing, suspending the calling task.
    public func acquireWrite() async throws {
        _ = try await acquireWrite(within: nil)
    }

    /// Takes it for writing, suspending the calling task at most for `limit`.
    public func acquireWrite(within limit: Duration?) async throws -> Bool {
        let key = StrandKey.current
        if tryWrite(key) { return true }
        let deadline = Deadline(within: limit)
        let watch = try LockWatch.begin(self, key, until: deadline)
        defer { watch?.end() }
        let place = ItemPlace(key)
        return try unsafe await Parking.suspend(
            on: WaitTarget("ReadWriteLock.acquireWrite", self), slot: place.address,
            until: deadline, enrol: { self.enrolWriter($0) },
            withdraw: { self.withdrawWriter($0) }
        ).wasWoken()
    }

    /// Undoes ``acquireWrite()``. Waiting readers go in; if there are none, the next writer does.
    ///
    /// Traps when nobody writes.
    public func releaseWrite() {
        demand(
            change { $0.releaseWrite() },
            "releaseWrite of a ReadWriteLock that nobody writes, by strand \(Strand.current.name)")
    }

    // MARK: Waiting

    func blockReader(
        _ key: StrandKey, until deadline: Deadline, isCancellable: Bool
    ) throws -> WaitOutcome {
        let watch = try LockWatch.begin(self, key, until: deadline)
        defer { watch?.end() }
        var place: StrandKey? = key
        return unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.block(
                on: WaitTarget("ReadWriteLock.acquireRead", self),
                slot: UnsafeMutableRawPointer(slot), until: deadline,
                isCancellable: isCancellable, enrol: { self.enrolReader($0) },
                withdraw: { self.withdrawReader($0) })
        }
    }

    func blockWriter(
        _ key: StrandKey, until deadline: Deadline, isCancellable: Bool
    ) throws -> WaitOutcome {
        let watch = try LockWatch.begin(self, key, until: deadline)
        defer { watch?.end() }
        var place: StrandKey? = key
        return unsafe withUnsafeMutablePointer(to: &place) { slot in
            unsafe Parking.block(
                on: WaitTarget("ReadWriteLock.acquireWrite", self),
                slot: UnsafeMutableRawPointer(slot), until: deadline,
                isCancellable: isCancellable, enrol: { self.enrolWriter($0) },
                withdraw: { self.withdrawWriter($0) })
        }
    }

    func tryRead(_ key: StrandKey) -> Bool {
        guardLock.withLock {
            let isTaken = state.tryRead()
            if isTaken { addReader(key) }
            return isTaken
        }
    }

    /// Under the guard.
    private func addReader(_ key: StrandKey) {
        if readerKeys.count < ReadWriteLock.noted { readerKeys.append(key) }
    }

    /// Under the guard.
    private func forgetReader(_ key: StrandKey, areNone: Bool) {
        if let index = readerKeys.lastIndex(of: key), !areNone {
            readerKeys.remove(at: index)
        } else {
            // Nobody knows which reader has left, unless none remain.
            readerKeys.removeAll(keepingCapacity: true)
        }
    }

    func tryWrite(_ key: StrandKey) -> Bool {
        guardLock.withLock {
            let isTaken = state.tryWrite()
            if isTaken { writerKey = key }
            return isTaken
        }
    }

    private func enrolReader(_ waiter: Waiter) -> Bool {
        guardLock.withLock {
            let isTaken = state.read(orQueue: waiter)
            if isTaken { addReader(key(of: waiter)) }
            return !isTaken
        }
    }

    private func enrolWriter(_ waiter: Waiter) -> Bool {
        guardLock.withLock {
            let isTaken = state.write(orQueue: waiter)
            if isTaken { writerKey = key(of: waiter) }
            return !isTaken
        }
    }

    private func withdrawReader(_ waiter: Waiter) {
        change { $0.withdrawReader(waiter) }
    }

    private func withdrawWriter(_ waiter: Waiter) {
        change { $0.withdrawWriter(waiter) }
    }

    /// Changes the state and lets in the waiters that may enter then.
    private func change<Result>(_ body: (inout ReadWriteState<WaitQueue>) -> Result) -> Result {
        guardLock.lock()
        let result = body(&state)
        if state.holder != .writer { writerKey = .none }
        var claimed = ClaimedWaiters()
        while let next = state.admitNext() {
            if state.holder == .writer {
                writerKey = key(of: next)
            } else {
                addReader(key(of: next))
            }
            claimed.append(next)
        }
        guardLock.unlock()
        claimed.unparkAll()
        return result
    }

    /// The key that a waiting strand left in its place.
    private func key(of waiter: Waiter) -> StrandKey {
        unsafe waiter.place(of: StrandKey.self).pointee ?? .none
    }
}

extension ReadWriteLock: WatchedLock {
    var title: String { "ReadWriteLock \(label)" }
}

extension ReadWriteLock: CustomStringConvertible {
    /// Such as `ReadWriteLock(readers: 2)`, `ReadWriteLock(writer)`, `ReadWriteLock(free)`.
    public var description: String {
        switch guardLock.withLock({ state.holder }) {
        case .nobody: "ReadWriteLock(free, \(label))"
        case .readers(let count): "ReadWriteLock(readers: \(count), \(label))"
        case .writer: "ReadWriteLock(writer, \(label))"
        }
    }
}

extension ReadWriteLock: LabelledObject {}
