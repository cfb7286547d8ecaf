internal import CPlaitLinux
internal import Glibc
package import Synchronization

/// The words in shared memory on which a thread sleeps.
package struct SleepWords {
    /// How many words there may be at most.
    package static let most = Int(PLAIT_MOST_SLEEP_WORDS) - 1

    /// The words; the first one is the thread's own.
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

    /// Sleeps while every word, and this process's word `own`, holds its expected value. May return
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

    /// - Parameter word: A word in memory that lives longer than this value.
    package init(_ word: UnsafeMutablePointer<Atomic<UInt32>>) { unsafe self.word = unsafe word }

    package var value: UInt32 { unsafe word.pointee.load(ordering: .sequentiallyConsistent) }
    package func add(_ number: UInt32) {
        _ = unsafe word.pointee.wrappingAdd(number, ordering: .sequentiallyConsistent)
    }
    package func subtract(_ number: UInt32) {
        _ = unsafe word.pointee.wrappingSubtract(number, ordering: .relaxed)
    }

    fileprivate var address: UInt64 { unsafe UInt64(UInt(bitPattern: word)) }

    /// Wakes up to `count` sleepers.
    package func wake(count: Int32) {
        unsafe plait_shared_wake(
            UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), count)
    }
}

/// A lock in shared memory. The thread that took it gives it back. If that thread ends first, the
/// next thread gets the lock and learns of it.
@safe
package struct RobustMutex: @unchecked Sendable {
    // Sendable: the memory is a lock.
    package static let size = Int(PLAIT_ROBUST_SIZE)
    private let place: UnsafeMutableRawPointer

    /// - Parameter place: ``size`` bytes, aligned to 8, which live longer than this value.
    package init(at place: UnsafeMutableRawPointer) { unsafe self.place = unsafe place }

    /// Initialises the lock. Called once, by the process that made the memory.
    package func make() throws(SystemError) {
        try check(unsafe plait_robust_make(place), "pthread_mutex_init")
    }

    package enum Attempt { case busy, taken, takenFromDead }

    /// - Parameter hasWaited: Whether the caller has slept for the lock.
    package func tryAcquire(hasWaited: Bool) -> Attempt {
        switch unsafe plait_robust_try(place, hasWaited ? 1 : 0) {
        case 0: .taken
        case 1: .takenFromDead
        default: .busy
        }
    }

    /// Releases the lock. Returns false when the calling thread does not hold it.
    package func release() -> Bool { unsafe plait_robust_release(place) == 0 }

    /// The word on which waiters sleep while somebody holds the lock.
    package var word: SharedWord {
        unsafe SharedWord(
            UnsafeMutableRawPointer(plait_robust_word(place)).assumingMemoryBound(
                to: Atomic<UInt32>.self))
    }

    /// Makes the next release wake a sleeper. Returns what the word holds then; nil if nobody holds
    /// the lock.
    package func announce() -> UInt32? {
        let seen = unsafe plait_robust_announce(place)
        return seen == 0 ? nil : seen
    }

    /// The kernel's number of the thread that holds the lock.
    package var holder: Int32? {
        let number = unsafe plait_robust_holder(place)
        return number == 0 ? nil : number
    }
    /// Whether the calling thread holds the lock.
    package var isMine: Bool { holder == kernelThreadID() }
    /// Whether a thread of this process holds the lock.
    package var isHeldHere: Bool { unsafe plait_robust_is_held_here(place) != 0 }
}

/// Memory of a file that processes map.
@safe
package final class SharedPages: @unchecked Sendable {
    // Sendable: the address is constant; the users of the memory order their accesses.
    package let bytes: Int
    package let base: UnsafeMutableRawPointer

    /// Makes a descriptor of `bytes` zero bytes, which no file system shows.
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

    /// The size of the file behind a descriptor, in bytes.
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
