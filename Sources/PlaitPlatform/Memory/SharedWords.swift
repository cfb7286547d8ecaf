internal import CPlaitLinux
internal import Glibc
package import Synchronization

/// Words in memory that processes share, on which a thread sleeps.
package struct SleepWords {
    /// How many there may be at most.
    package static let most = Int(PLAIT_MOST_SLEEP_WORDS) - 1

    /// The first is the thread's own.
    private var words: [plait_sleep_word] = []

    package init() { removeAll() }

    package mutating func removeAll() {
        words.removeAll(keepingCapacity: true)
        words.append(plait_sleep_word())
    }

    package mutating func append(_ word: SharedWord, while expected: UInt32) {
        words.append(
            plait_sleep_word(
                expected: UInt64(expected), address: word.address,
                kind: UInt32(PLAIT_SHARED_WORD), reserved: 0))
    }

    /// Sleeps while every word holds what is expected, and `own`, of this process, too; may return
    /// early.
    package mutating func sleep(
        on own: borrowing Atomic<UInt32>, while expected: UInt32, until deadline: Deadline
    ) {
        unsafe withUnsafePointer(to: own) { own in
            words[0] = plait_sleep_word(
                expected: UInt64(expected), address: UInt64(UInt(bitPattern: own)),
                kind: UInt32(PLAIT_OWN_WORD), reserved: 0)
            unsafe words.withUnsafeBufferPointer { words in
                guard let first = words.baseAddress else { return }
                unsafe plait_sleep_on(first, UInt32(words.count), deadline.nanoseconds)
            }
        }
    }
}

/// A word in memory that processes share.
@safe
package struct SharedWord: @unchecked Sendable {
    // Sendable: atomic.
    private let word: UnsafeMutablePointer<Atomic<UInt32>>

    /// - Parameter word: Of memory that lives longer than this.
    package init(_ word: UnsafeMutablePointer<Atomic<UInt32>>) { unsafe self.word = unsafe word }

    package var value: UInt32 { unsafe word.pointee.load(ordering: .sequentiallyConsistent) }
    package func add(_ number: UInt32) {
        _ = unsafe word.pointee.wrappingAdd(number, ordering: .sequentiallyConsistent)
    }
    package func subtract(_ number: UInt32) {
        _ = unsafe word.pointee.wrappingSubtract(number, ordering: .relaxed)
    }

    fileprivate var address: UInt64 { unsafe UInt64(UInt(bitPattern: word)) }

    /// Wakes up to `count` of those who sleep on it.
    package func wake(count: Int32) {
        unsafe plait_shared_wake(
            UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), count)
    }
}

/// A lock in memory that processes share. The thread that took it gives it back; when that ends
/// first, the next one gets it, and is told.
@safe
package struct RobustMutex: @unchecked Sendable {
    // Sendable: the memory is a lock.
    package static let size = Int(PLAIT_ROBUST_SIZE)
    private let place: UnsafeMutableRawPointer

    /// - Parameter place: ``size`` bytes, aligned to 8, which live longer than this.
    package init(at place: UnsafeMutableRawPointer) { unsafe self.place = unsafe place }

    /// Once, by whoever made the memory.
    package func make() throws(SystemError) {
        try check(unsafe plait_robust_make(place), "pthread_mutex_init")
    }

    package enum Attempt { case busy, taken, takenFromDead }

    /// - Parameter hasWaited: Whether the caller slept for it.
    package func tryAcquire(hasWaited: Bool) -> Attempt {
        switch unsafe plait_robust_try(place, hasWaited ? 1 : 0) {
        case 0: .taken
        case 1: .takenFromDead
        default: .busy
        }
    }

    /// False when the calling thread does not hold it.
    package func release() -> Bool { unsafe plait_robust_release(place) == 0 }

    /// On which one sleeps while somebody holds it.
    package var word: SharedWord {
        unsafe SharedWord(
            UnsafeMutableRawPointer(plait_robust_word(place)).assumingMemoryBound(
                to: Atomic<UInt32>.self))
    }

    /// Has the next release wake one who sleeps. What the word holds then; nil where nobody holds
    /// the lock.
    package func announce() -> UInt32? {
        let seen = unsafe plait_robust_announce(place)
        return seen == 0 ? nil : seen
    }

    /// The system's number of the thread that holds it.
    package var holder: Int32? {
        let number = unsafe plait_robust_holder(place)
        return number == 0 ? nil : number
    }
    /// Whether the calling thread holds it.
    package var isMine: Bool { holder == kernelThreadID() }
    /// Whether a thread of this process holds it.
    package var isHeldHere: Bool { unsafe plait_robust_is_held_here(place) != 0 }
}

/// Memory of a file that processes map.
@safe
package final class SharedPages: @unchecked Sendable {
    // Sendable: the address is constant; who uses the memory orders its accesses.
    package let bytes: Int
    package let base: UnsafeMutableRawPointer

    /// A descriptor of so many bytes, all zero, that no file system shows.
    package static func make(name: String, bytes: Int) throws(SystemError) -> Descriptor {
        unsafe Descriptor(owning: try check(plait_memory_file(name, bytes), "memfd_create", name))
    }

    package init(mapping number: Int32, bytes: Int) throws(SystemError) {
        guard let base = unsafe plait_map_shared(number, bytes) else {
            throw SystemError(negative: -errno, call: "mmap", subject: "\(bytes) shared bytes")
        }
        unsafe self.base = unsafe base
        self.bytes = bytes
    }

    deinit { unsafe munmap(base, bytes) }

    /// Bytes of the file behind a descriptor.
    package static func size(of number: Int32) throws(SystemError) -> Int {
        Int(try status(of: number).st_size)
    }

    static func status(of number: Int32) throws(SystemError) -> stat {
        var status = stat()
        let code = unsafe fstat(number, &status)
        try check(code < 0 ? -errno : 0, "fstat")
        return status
    }
}
