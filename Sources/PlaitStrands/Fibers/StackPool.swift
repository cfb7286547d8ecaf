internal import PlaitPlatform
internal import Synchronization

/// How much memory the stacks of fibers take.
public struct StackStatistics: Sendable, Hashable {
    /// How many bytes of a stack a fiber may use.
    public let stackSize: Int
    /// How many stacks fibers live on.
    public let inUse: Int
    /// How many stacks are kept for the next fibers. The hub gives their memory back when it idles.
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
    /// Last in, first out, since the stack that was used last is most likely in caches.
    @exclusivity(unchecked) private var cached: [FiberStack] = []
    /// The slabs, for unmapping, and the unused rest of the last one.
    private var slabs: [(memory: UnsafeMutableRawPointer, bytes: Int)] = unsafe []
    private var rest: (next: UnsafeMutableRawPointer, count: Int)?
    private var guarding: Guarding
    private(set) var inUse = 0
    private var highWaterMark = 0
    /// The smallest number of cached stacks since the last trim: nobody needed these. `trimmed`
    /// counts how many stacks, from the cold end of the cache, have given their memory back to the
    /// kernel.
    private var leastCached = 0
    private var trimmed = 0

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
        unsafe slabs.forEach { unsafe Memory.release($0.memory, bytes: $0.bytes) }
    }

    var statistics: StackStatistics {
        unsafe StackStatistics(
            stackSize: stackSize, inUse: inUse, cached: cached.count,
            highWaterMark: highWaterMark)
    }

    /// Whether switches must check for overflow, since not every stack has a guard.
    var needsChecks: Bool { guarding == .checks }

    func take() throws(SystemError) -> FiberStack {
        let stack: FiberStack
        if let last = unsafe cached.popLast() {
            stack = last
            if unsafe cached.count < leastCached { leastCached = unsafe cached.count }
            if unsafe cached.count < trimmed { trimmed = unsafe cached.count }
        } else {
            stack = try cut()
        }
        inUse += 1
        if inUse > highWaterMark { highWaterMark = inUse }
        return stack
    }

    func give(_ stack: FiberStack) {
        inUse -= 1
        unsafe cached.append(stack)
    }

    /// Gives the memory of stacks that nobody needed since the last trim back to the kernel. The
    /// address space and the guards stay.
    func trim() {
        for index in trimmed..<max(trimmed, leastCached) {
            let stack = unsafe cached[index]
            unsafe Memory.decommit(stack.address, bytes: stackSize)
        }
        trimmed = max(trimmed, leastCached)
        leastCached = unsafe cached.count
    }

    /// Whether a later ``trim()`` could give anything back.
    var hasWarmStacks: Bool { unsafe cached.count > trimmed }

    private func cut() throws(SystemError) -> FiberStack {
        if unsafe rest == nil || rest!.count == 0 { try addSlab() }
        let low = unsafe rest!.next
        unsafe rest = (low + stride, rest!.count - 1)
        unsafe installGuard(low)
        return unsafe FiberStack(low: low, size: stackSize)
    }

    private func addSlab() throws(SystemError) {
        // Many stacks take few mappings, and few stacks take little address space.
        let count = unsafe 16 << min(slabs.count, 6)
        let memory = unsafe try Memory.reserve(bytes: count * stride)
        unsafe slabs.append((memory, count * stride))
        unsafe rest = (memory, count)
    }

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
