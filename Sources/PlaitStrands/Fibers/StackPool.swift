internal import PlaitPlatform
internal import Synchronization

/// How much memory the stacks of fibers take.
public struct StackStatistics: Sendable, Hashable {
    /// How many bytes of a stack a fiber may use.
    public let stackSize: Int
    /// How many stacks fibers live on.
    public let inUse: Int
    /// How many stacks are kept for the next fibers. An idle hub gives their memory back.
    public let cached: Int
    /// The largest number of stacks that were ever in use at the same time.
    public let highWaterMark: Int
}

/// The stacks of one size of one hub, cut from slabs.
///
/// A stack costs address space, and memory only for pages that the fiber has touched. Below it lies
/// a guard of 64 KiB. A single frame that is larger may jump over the guard into the stack below,
/// so put large buffers on the heap.
/// - From Linux 6.13 on, `MADV_GUARD_INSTALL` makes the guard. It costs no mapping, so there may be
///   millions.
/// - On older kernels `mprotect` makes the guard, which costs mappings. Only the first 8,192 stacks
///   of the process have one. A fiber beyond those is checked at each switch, and ends the process
///   if it has left its stack.
///
/// Belongs to the hub's thread.
@safe
final class StackPool {
    private enum Guarding { case markers, pages, checks }

    let stackSize: Int
    /// Last in, first out, since the stack that was used last is most likely in caches. The first
    /// `trimmed` entries are void: these stacks are their slabs' now.
    @exclusivity(unchecked) private var cached: [FiberStack] = []
    private var slabs = StackSlabs()
    private var guarding: Guarding
    private(set) var inUse = 0
    private var highWaterMark = 0
    /// The smallest number of cached stacks since the last trim began. Nobody needed these.
    private var leastCached = 0
    private var trimmed = 0
    /// How far the present trim goes, and how many bytes of the next stack it has given back.
    private var trimGoal = 0
    private var trimmedBytes = 0

    private static let pagesLeft = Atomic<Int>(8_192)

    /// - Parameter withoutMarkers: Protects stacks as on an old kernel, for tests.
    init(stackSize: Int, withoutMarkers: Bool = false) {
        self.stackSize = StackPool.wholePages(stackSize)
        guarding = withoutMarkers ? .pages : .markers
    }

    /// The size of a stack of which a caller asks for `bytes`: whole pages, at least four.
    static func wholePages(_ bytes: Int) -> Int {
        let page = Memory.pageSize
        // The system refuses an absurd size; the arithmetic must not overflow before that.
        return max((min(bytes, 1 << 46) + page - 1) / page * page, 4 * page)
    }

    /// The distance from one stack to the next.
    private var stride: Int { stackSize + FiberStack.guardSize }

    deinit {
        // While a fiber is alive the memory must stay, since the fiber's frames own objects.
        guard inUse == 0 else { return }
        slabs.releaseAll(stride: stride)
    }

    var statistics: StackStatistics {
        unsafe StackStatistics(
            stackSize: stackSize, inUse: inUse, cached: cached.count - trimmed + slabs.coldCount,
            highWaterMark: highWaterMark)
    }

    /// Whether switches must check for overflow, since not every stack has a guard.
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
        // This may be the stack that was being trimmed.
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

    /// Makes ``trim(until:)`` give back the memory of stacks that nobody needed since the last trim
    /// began.
    func beginTrim() {
        trimGoal = max(trimmed, leastCached)
        leastCached = unsafe cached.count
    }

    /// Gives memory back to the kernel until nanosecond `limit`, at least one piece. A slab without
    /// used stacks goes as a whole, with its page tables; the smallest slab stays.
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

    /// How many bytes one call gives back. The kernel frees their pages in some 30 µs at most.
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
