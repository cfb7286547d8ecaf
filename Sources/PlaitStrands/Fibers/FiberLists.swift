internal import Synchronization

/// The fibers that are ready, first in, first out, linked through the fibers themselves.
///
/// Only a parked fiber enters, since a stale entry would resume a finished stack. The queue counts
/// no references: the hub retains its fibers until they have ended.
@safe
struct RunQueue: ~Copyable {
    // This field comes first: the runtime identifies exclusive accesses to the queue by its
    // address, and other threads read `first`.
    private var last: Unmanaged<Fiber>?
    /// The address of the first fiber; 0 if there is none. Only the hub's thread writes it.
    private let first = Atomic<UInt>(0)

    init() { unsafe last = nil }

    /// Any thread.
    var isEmpty: Bool { first.load(ordering: .relaxed) == 0 }

    mutating func append(_ fiber: Fiber) {
        let reference = unsafe Unmanaged.passUnretained(fiber)
        unsafe fiber.next = nil
        if let last = unsafe last {
            unsafe last.withFiber { unsafe $0.next = unsafe reference }
        } else {
            unsafe first.store(UInt(bitPattern: reference.toOpaque()), ordering: .relaxed)
        }
        unsafe last = reference
    }

    @inline(__always)
    mutating func popFirst() -> Unmanaged<Fiber>? {
        let address = unsafe UnsafeRawPointer(bitPattern: first.load(ordering: .relaxed))
        guard let address = unsafe address else { return nil }
        let fiber = unsafe Unmanaged<Fiber>.fromOpaque(address)
        let next = unsafe fiber.withFiber { unsafe $0.next }
        unsafe first.store(UInt(bitPattern: next?.toOpaque()), ordering: .relaxed)
        if unsafe next == nil { unsafe last = nil }
        return unsafe fiber
    }
}

/// The fibers that other threads have made ready since the hub last looked: a Treiber stack through
/// `next`.
struct Arrivals: ~Copyable {
    private let top = Atomic<UInt>(0)

    /// Any thread.
    var isEmpty: Bool { top.load(ordering: .relaxed) == 0 }

    /// Adds a fiber, which may run and end from then on. Any thread may call it.
    func add(_ fiber: Fiber) {
        let address = unsafe UInt(bitPattern: Unmanaged.passUnretained(fiber).toOpaque())
        var seen = top.load(ordering: .relaxed)
        while true {
            unsafe fiber.next = UnsafeMutableRawPointer(bitPattern: seen).map {
                unsafe Unmanaged.fromOpaque($0)
            }
            // .releasing pairs with the .acquiring exchange in move(to:).
            let (done, now) = top.weakCompareExchange(
                expected: seen, desired: address, successOrdering: .releasing,
                failureOrdering: .relaxed)
            if done { return }
            seen = now
        }
    }

    /// Moves all fibers to `queue`. Called on the hub's thread.
    func move(to queue: inout RunQueue) {
        guard top.load(ordering: .relaxed) != 0 else { return }
        var next = unsafe UnsafeMutableRawPointer(
            bitPattern: top.exchange(0, ordering: .acquiring)
        ).map { unsafe Unmanaged<Fiber>.fromOpaque($0) }
        // The stack has the last fiber first. Turn it around, for first come, first served.
        var reversed: Unmanaged<Fiber>?
        while let fiber = unsafe next {
            unsafe next = fiber.withFiber { unsafe $0.next }
            unsafe fiber.withFiber { unsafe $0.next = unsafe reversed }
            unsafe reversed = unsafe fiber
        }
        while let reference = unsafe reversed {
            unsafe reference.withFiber { fiber in
                unsafe reversed = fiber.next
                queue.append(fiber)
            }
        }
    }
}

/// The fibers that live on a hub, linked through the fibers themselves.
@safe
struct LivingFibers {
    private var youngest: Unmanaged<Fiber>?

    init() { unsafe youngest = nil }

    var isEmpty: Bool { unsafe youngest == nil }

    mutating func insert(_ fiber: Fiber) {
        let reference = unsafe Unmanaged.passUnretained(fiber)
        if let older = unsafe youngest {
            unsafe older.withFiber { unsafe $0.previousAlive = unsafe reference }
            unsafe fiber.nextAlive = unsafe older
        }
        unsafe youngest = unsafe reference
    }

    mutating func remove(_ fiber: Fiber) {
        if let younger = unsafe fiber.previousAlive {
            unsafe younger.withFiber { unsafe $0.nextAlive = unsafe fiber.nextAlive }
        } else {
            unsafe youngest = fiber.nextAlive
        }
        if let older = unsafe fiber.nextAlive {
            unsafe older.withFiber { unsafe $0.previousAlive = unsafe fiber.previousAlive }
        }
    }

    /// Calls `body` with each fiber. Counts no references, since that would write to the fibers.
    func forEach(_ body: (Fiber) -> Void) {
        var next = unsafe youngest
        while let reference = unsafe next {
            unsafe next = reference.withFiber { unsafe $0.nextAlive }
            unsafe reference.withFiber(body)
        }
    }

    /// All fibers, youngest first.
    var all: [Fiber] {
        var found: [Fiber] = []
        var next = unsafe youngest
        while let reference = unsafe next {
            let fiber = unsafe reference.takeUnretainedValue()
            found.append(fiber)
            unsafe next = fiber.nextAlive
        }
        return found
    }
}

extension Unmanaged<Fiber> {
    /// Uses the fiber without counting references.
    @inline(__always)
    func withFiber<Result>(_ body: (Fiber) -> Result) -> Result {
        unsafe _withUnsafeGuaranteedRef(body)
    }
}
