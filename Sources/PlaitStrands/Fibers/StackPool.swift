internal import PlaitPlatform
internal import Synchronization

/// How much memory fibers' stacks take.
public struct StackStatistics: Sendable, Hashable {
    /// Bytes that a fiber may use of a stack.
    public let stackSize: Int
    /// Stacks that fibers live on.
    public let inUse: Int
    /// Stacks kept for the next fibers; an idle hub gives their memory back.
    public let cached: Int
    /// The most that were ever in use at the same time.
    public let highWaterMark: Int
}

/// The stacks of one hub, of one size, cut from slabs.
///
/// A stack costs address space, and memory only for the pages that were touched. Below it lies a
/// guard of 64 KiB. A single frame that is larger may jump over it, into the stack below: large
/// buffers belong on the heap.
/// - From Linux 6.13, `MADV_GUARD_INSTALL`: costs no mapping, so there may be millions.
/// - On older kernels `mprotect`, which costs mappings, for the first 8,192 of the process; a fiber
///   beyond those has no guard, but is looked at whenever it switches, and one that has left its
///   stack ends the process.
///
/// Belongs to the hub's thread.
@safe
final class StackPool {
    private enum Guarding { case markers, pages, checks }

    let stackSize: Int
    /// Last in, first out: the stack that was used last is the warmest. The first `trimmed` entries are
    /// void: these stacks are their slabs' now.
    @exclusivity(unchecked) private var cached: [FiberStack] = []
    private var slabs = StackSlabs()
    private var guarding: Guarding
    private(set) var inUse = 0
    private var highWaterMark = 0
    /// The fewest that were cached since the last trim began: these nobody needed.
    private var leastCached = 0
    private var trimmed = 0
    /// How far the trim that has begun goes, and what it has given back of the next stack.
    private var trimGoal = 0
    private var trimmedBytes = 0

    private static let pagesLeft = Atomic<Int>(8_192)

    /// - Parameter withoutMarkers: As on an old kernel, for tests.
    init(stackSize: Int, withoutMarkers: Bool = false) {
        self.stackSize = StackPool.wholePages(stackSize)
        guarding = withoutMarkers ? .pages : .markers
    }

    /// The size of a stack for which `bytes` were asked: whole pages, four at least.
    static func wholePages(_ bytes: Int) -> Int {
        let page = Memory.pageSize
        // An absurd size is refused by the system, not by arithmetic.
        return max((min(bytes, 1 << 46) + page - 1) / page * page, 4 * page)
    }

    /// From one stack to the next.
    private var stride: Int { stackSize + FiberStack.guardSize }

    deinit {
        // With a fiber alive the memory must stay: its frames own what they own.
        guard inUse == 0 else { return }
        slabs.releaseAll(stride: stride)
    }

    var statistics: StackStatistics {
        unsafe StackStatistics(
            stackSize: stackSize, inUse: inUse, cached: cached.count - trimmed + slabs.coldCount,
            highWaterMark: highWaterMark)
    }

    /// Whether switches must look for overflow, since not every stack has a guard.
    var needsChecks: Bool { guarding == .checks }

    func take() throws(SystemError) -> FiberStack {
        let stack: FiberStack
        if unsafe cached.count > trimmed {
            stack = unsafe cached.removeLast()
            if unsafe cached.count < leastCached { noteLeast() }
        } else {
            stack = try takeCold()
        }
        inUse += 1
        if inUse > highWaterMark { highWaterMark = inUse }
        return stack
    }

    func give(_ stack: FiberStack) {
        inUse -= 1
        unsafe cached.append(stack)
    }

    private func noteLeast() {
        leastCached = unsafe cached.count
        // The one that was being trimmed may be it.
        if leastCached == trimmed { trimmedBytes = 0 }
    }

    private func takeCold() throws(SystemError) -> FiberStack {
        if let place = slabs.takeCold() { return stack(at: place) }
        let place = try slabs.cut(stride: stride)
        unsafe installGuard(slabs.address(of: place, stride: stride))
        return stack(at: place)
    }

    private func stack(at place: StackSlabs.Place) -> FiberStack {
        unsafe FiberStack(
            low: slabs.address(of: place, stride: stride), size: stackSize, slab: place.slab)
    }

    // MARK: Trimming

    /// Has ``trim(until:)`` give back the memory of stacks that nobody needed since the last trim
    /// began.
    func beginTrim() {
        trimGoal = max(trimmed, leastCached)
        leastCached = unsafe cached.count
    }

    /// Gives memory back to the kernel until nanosecond `limit`, a piece at least. A slab of which no
    /// stack is used any more goes as a whole, with its page tables; the smallest stays.
    ///
    /// - Returns: False when more is left to do.
    @discardableResult
    func trim(until limit: UInt64) -> Bool {
        while trimmed < min(trimGoal, leastCached) {
            trimPiece()
            if monotonicNow() >= limit { return false }
        }
        if unsafe !cached.isEmpty && cached.count == trimmed {
            unsafe cached = []
            trimmed = 0
            leastCached = 0
        }
        trimGoal = 0
        return true
    }

    private func trimPiece() {
        let stack = unsafe cached[trimmed]
        let bytes = min(StackPool.trimmedAtOnce, stackSize - trimmedBytes)
        unsafe Memory.decommit(stack.address + trimmedBytes, bytes: bytes)
        trimmedBytes += bytes
        guard trimmedBytes == stackSize else { return }
        trimmedBytes = 0
        trimmed += 1
        unsafe slabs.noteCold(stack.guardAddress, in: stack.slab, stride: stride)
    }

    /// Bytes given back by one call: of these the kernel frees some 30 µs' worth of pages at most.
    private static let trimmedAtOnce = 1 << 20

    /// Whether a later trim could give anything back.
    var hasWarmStacks: Bool { unsafe cached.count > trimmed }

    // MARK: Guards

    private func installGuard(_ low: UnsafeMutableRawPointer) {
        let bytes = FiberStack.guardSize
        if guarding == .markers {
            if unsafe Memory.installGuard(low, bytes: bytes) { return }
            guarding = .pages
        }
        if guarding == .pages {
            let left = StackPool.pagesLeft.wrappingSubtract(1, ordering: .relaxed).newValue
            if left >= 0, unsafe Memory.protect(low, bytes: bytes) { return }
            guarding = .checks
        }
    }
}
