internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands

/// A lock that processes share, and that survives its holder: when that dies, the next one gets the lock and
/// is told, so that it can look at what the lock guards.
///
/// It goes to another process in the input of its function. Not recursive: a strand that takes it twice
/// waits for itself. Given back by the thread that took it.
/// - Source: Python's `multiprocessing.Lock`, which its holder's death leaves locked for ever.
public final class ProcessLock: Sendable {
    /// How it was come by.
    public enum Acquisition: Hashable, Sendable {
        /// Its last holder gave it back.
        case acquired
        /// Its last holder died with it: what it guards may be half done.
        case ownerDied
    }

    private let pages: SharedPages
    private let file: Int32
    private let mutex: RobustMutex

    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public convenience init() throws {
        try self.init(owning: try SharedPages.make(name: "plait-lock", bytes: RobustMutex.size))
        try mutex.make()
    }

    private init(owning file: consuming Descriptor) throws(SystemError) {
        pages = try SharedPages(mapping: file.number, bytes: RobustMutex.size)
        mutex = unsafe RobustMutex(at: pages.base)
        self.file = file.release()
    }

    deinit { closeDescriptor(file) }

    /// Takes it if nobody holds it. Never waits.
    /// - Returns: Nil when somebody holds it.
    public func tryAcquire() -> Acquisition? { attempt(hasWaited: false) }

    /// Takes it, waiting while somebody holds it.
    ///
    /// Blocks the calling thread or parks the calling fiber. Not fair.
    /// - Throws: `CancellationError`, up to 50 ms late.
    @available(*, noasync)
    @discardableResult
    public func acquire() throws -> Acquisition {
        // Without a limit it ends only so.
        try acquire(within: nil) ?? .acquired
    }

    /// Takes it, waiting at most `limit`; `.zero` tries once, `nil` waits for ever.
    /// - Returns: Nil when the limit passed first.
    @available(*, noasync)
    public func acquire(within limit: Duration?) throws -> Acquisition? {
        try mutex.acquire(until: Deadline(within: limit)).map {
            $0 == .takenFromDead ? .ownerDied : .acquired
        }
    }

    /// Gives it back. Traps when the calling thread does not hold it.
    public func release() {
        demand(
            mutex.release(),
            "release of a ProcessLock that strand \(Strand.current.name) does not hold")
    }

    /// Runs `body` holding it.
    @available(*, noasync)
    public func withLock<Result>(_ body: (Acquisition) throws -> Result) throws -> Result {
        let acquisition = try acquire()
        defer { release() }
        return try body(acquisition)
    }

    private func attempt(hasWaited: Bool) -> Acquisition? {
        switch mutex.tryAcquire(hasWaited: hasWaited) {
        case .busy: nil
        case .taken: .acquired
        case .takenFromDead: .ownerDied
        }
    }
}

extension RobustMutex {
    /// Takes it, waiting while somebody holds it; nil when the deadline has passed.
    func acquire(until deadline: Deadline) throws -> Attempt? {
        var attempt = tryAcquire(hasWaited: false)
        if attempt == .busy {
            _ = PoolSpin.wait {
                attempt = tryAcquire(hasWaited: false)
                return attempt != .busy
            }
        }
        while attempt == .busy {
            if deadline != .never && monotonicNow() >= deadline.nanoseconds { return nil }
            try SharedWait.sleep(until: deadline) { waitUntilFree(until: $0) }
            attempt = tryAcquire(hasWaited: true)
        }
        return attempt
    }
}

extension RobustMutex {
    /// Takes it, blocking the thread while somebody holds it: for one that is held for a moment.
    func acquireUncancellably() {
        var hasWaited = false
        while tryAcquire(hasWaited: hasWaited) == .busy {
            // Who was woken in this one's stead may have died.
            waitUntilFree(until: Deadline(within: .milliseconds(50)))
            hasWaited = true
        }
    }
}

extension ProcessLock: Codable {
    public func encode(to encoder: any Encoder) throws {
        let bag = try DescriptorBag.of(encoder.userInfo, for: "ProcessLock")
        var container = encoder.singleValueContainer()
        try container.encode(bag.put(file))
    }

    public convenience init(from decoder: any Decoder) throws {
        let bag = try DescriptorBag.of(decoder.userInfo, for: "ProcessLock")
        let file = try bag.copy(try decoder.singleValueContainer().decode(Int.self))
        guard try SharedPages.size(of: file.number) == RobustMutex.size else {
            throw SharingError.malformed("ProcessLock")
        }
        try self.init(owning: file)
    }
}
