internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import Synchronization

/// How a strand waits for another process.
enum SharedWait {
    /// After this long, a waiter looks by itself: who was to wake it, or was woken in its place, may have
    /// died before it could hand on what it had. Also how late a cancellation ends a wait.
    private static let patience = Duration.milliseconds(50)

    /// Sleeps by `body` until the deadline that it gets, or less. A fiber's hub goes on meanwhile. Its
    /// strand's cancellation ends it.
    static func sleep(
        until deadline: Deadline, _ body: @escaping @Sendable (Deadline) -> Void
    ) throws {
        let slice = Deadline(within: patience)
        let end = deadline < slice ? deadline : slice
        try blocking { body(end) }
        // What sleeps in the system is not cancelled, but a cancellation ends the next wait.
        try Strand.sleep(for: .nanoseconds(1))
    }
}

/// A word in shared memory on which waiters sleep, and how many there are.
@safe
struct SharedEvents: @unchecked Sendable {
    // Sendable: atomics.
    static let size = 8
    /// Keeps the memory.
    private let owner: any AnyObject & Sendable
    private let word: UnsafeMutablePointer<Atomic<UInt32>>
    private let waiters: UnsafeMutablePointer<Atomic<UInt32>>

    init(_ owner: any AnyObject & Sendable, at place: UnsafeMutableRawPointer) {
        self.owner = owner
        unsafe word = unsafe place.assumingMemoryBound(to: Atomic<UInt32>.self)
        unsafe waiters = unsafe (place + 4).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// Waits until `isReady`, which others make so before they ``tell(count:)``.
    /// - Returns: False when the deadline has passed.
    func wait(until deadline: Deadline, _ isReady: () -> Bool) throws -> Bool {
        if PoolSpin.wait(for: isReady) { return true }
        _ = unsafe waiters.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        defer { _ = unsafe waiters.pointee.wrappingSubtract(1, ordering: .relaxed) }
        while true {
            let seen = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
            if isReady() { return true }
            if deadline != .never && monotonicNow() >= deadline.nanoseconds { return false }
            try SharedWait.sleep(until: deadline) { [self] end in
                unsafe SharedFutex.wait(on: UnsafePointer(word), while: seen, until: end)
            }
        }
    }

    /// Those that died while they waited included: they cost a needless wake each time.
    var waiterCount: Int { Int(unsafe waiters.pointee.load(ordering: .relaxed)) }

    /// After a change: wakes so many of those who wait.
    func tell(count: Int32 = 1) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard unsafe waiters.pointee.load(ordering: .relaxed) > 0 else { return }
        _ = unsafe word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        unsafe SharedFutex.wake(UnsafePointer(word), count: count)
    }
}
