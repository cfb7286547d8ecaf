internal import PlaitPlatform
internal import Synchronization

/// How much memory fibers' stacks take.
public struct StackStatistics: Sendable, Hashable {
    /// Bytes that a fiber may use of a stack.
    public let stackSize: Int
    /// Stacks that fibers live on.
    public let inUse: Int
    /// Stacks kept for the next fibers; their memory is given back when the hub idles.
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
    /// Last in, first out: the stack that was used last is the warmest.
    @exclusivity(unchecked) private var cached: [FiberStack] = []
    /// Slabs, for unmapping; and what is left of the last one.
    private var slabs: [(memory: UnsafeMutableRawPointer, bytes: Int)] = unsafe []
    private var rest: (next: UnsafeMutableRawPointer, count: Int)?
    private var guarding: Guarding
    private(set) var inUse = 0
    private var highWaterMark = 0
    /// The fewest that were cached since the last trim: these nobody needed. And how many of the
    /// cache, from its cold end, have been given back to the kernel.
    private var leastCached = 0
    private var trimmed = 0

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
        unsafe slabs.forEach { unsafe Memory.release($0.memory, bytes: $0.bytes) }
    }

    var statistics: StackStatistics {
        unsafe StackStatistics(
            stackSize: stackSize, inUse: inUse, cached: cached.count,
            highWaterMark: highWaterMark)
    }

    /// Whether switches must look for overflow, since not every stack has a guard.
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

    /// Gives the memory of stacks that were not needed since the last trim back to the kernel. The
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
        // Few mappings for many stacks, and little address space for few.
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
