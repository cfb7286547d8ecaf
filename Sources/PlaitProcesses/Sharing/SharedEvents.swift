internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// A word in shared memory on which waiters sleep, and the number of the waiters.
@safe
struct SharedEvents: @unchecked Sendable {
    // Sendable: atomics.
    static let size = 8
    /// Keeps the memory alive.
    private let owner: any AnyObject & Sendable
    private let word: UnsafeMutablePointer<Atomic<UInt32>>
    private let waiters: UnsafeMutablePointer<Atomic<UInt32>>

    init(_ owner: any AnyObject & Sendable, at place: UnsafeMutableRawPointer) {
        self.owner = owner
        unsafe word = unsafe place.assumingMemoryBound(to: Atomic<UInt32>.self)
        unsafe waiters = unsafe (place + 4).assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// The condition that `isReady` holds. Others make it hold before they ``tell(count:)``.
    func condition(_ isReady: @escaping @Sendable () -> Bool) -> SharedCondition {
        unsafe SharedCondition(SharedWord(word), counting: SharedWord(waiters)) {
            let seen = unsafe word.pointee.load(ordering: .sequentiallyConsistent)
            return isReady() ? nil : seen
        }
    }

    /// How many waiters there are. Waiters that died still count, and cost a needless wake-up each
    /// time.
    var waiterCount: Int { Int(unsafe waiters.pointee.load(ordering: .relaxed)) }

    /// Wakes up to `count` waiters, after a change.
    func tell(count: Int32 = 1) {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard unsafe waiters.pointee.load(ordering: .relaxed) > 0 else { return }
        _ = unsafe word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        unsafe SharedWord(word).wake(count: count)
    }
}
