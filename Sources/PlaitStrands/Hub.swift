internal import CPlaitLinux
internal import CPlaitSwitch
public import PlaitLoop
public import PlaitParking
public import PlaitPlatform
public import PlaitSelectors
internal import Synchronization

/// A thread's loop and the fibers that live on it. One hub a thread, made on first use.
///
/// Fibers run one at a time, and only while the thread's own strand waits in Plait (joins, sleeps,
/// gets from a queue): that wait runs the hub. A fiber keeps the thread until it waits or yields, so
/// what two fibers of a hub share needs no lock between waits.
@safe
public final class Hub: @unchecked Sendable {
    // Sendable: `arrivals` is atomic, `loop` has its own rules; all else belongs to the thread.

    public let loop: Loop
    /// Runs Swift's tasks on this thread, while its strand waits.
    public let executor: LoopExecutor
    /// The thread's own strand, which runs the hub while it waits.
    let root: ThreadStrand
    /// Of the root's stack, while a fiber runs. Raw memory of this object, freed in deinit.
    private let rootContext: UnsafeMutablePointer<plait_context>
    let pool: StackPool
    /// Pools of other stack sizes, by size.
    private var otherPools: [Int: StackPool] = [:]

    // The run queue, first in, first out, linked through the fibers. Only a parked fiber enters it:
    // a stale entry would resume a finished stack.
    private var firstReady: Unmanaged<Fiber>?
    private var lastReady: Unmanaged<Fiber>?
    /// Switches from fiber to fiber before the loop is looked at again.
    private var budget = 0
    /// Reads and writes without a wait before a fiber must let others run.
    private var operationBudget = Hub.operationsPerTurn
    /// Fibers that other threads made ready, last first: a Treiber stack through `next`.
    private let arrivals = Atomic<UInt>(0)
    private var lastTrim: Deadline

    /// Whether some stack of this hub has no guard.
    private var checksStacks = false
    private var firstAlive: Unmanaged<Fiber>?
    private(set) var aliveCount = 0
    private var numbers: Range<UInt64> = 0..<0
    /// Stands in for the thread's strand while callbacks run, which must not wait.
    private let noWaiting = CallbackStrand()

    private static let switchesPerTurn = 64
    private static let operationsPerTurn = 64
    private static let trimInterval: UInt64 = 1_000_000_000

    /// Makes the hub of the calling thread, which has none.
    private init(selector: (any ReadinessSelector)?, options: Options) throws(SystemError) {
        loop = try Loop(selector: selector)
        executor = LoopExecutor(loop: loop)
        let strand = Strand.current
        guard let thread = strand as? ThreadStrand else {
            preconditionFailure("a hub belongs to a thread, not to \(strand.name)")
        }
        root = thread
        unsafe rootContext = .allocate(capacity: 1)
        unsafe rootContext.initialize(to: plait_context())
        pool = StackPool(
            stackSize: options.stackSize, withoutMarkers: options.withoutGuardMarkers)
        lastTrim = loop.now
        unsafe firstReady = nil
        unsafe lastReady = nil
        unsafe firstAlive = nil
        loop.around = { [unowned self] body in self.runCallbacks(body) }
        try watchStackOverflow()
    }

    deinit {
        unsafe rootContext.deallocate()
    }

    // MARK: The current hub

    /// The calling thread's hub, made if it has none.
    ///
    /// Ends the program where the system gives no descriptors for it; see ``make(selector:options:)``.
    public static var current: Hub { unsafe currentReference.takeUnretainedValue() }

    static var currentReference: Unmanaged<Hub> {
        if let hub = unsafe ThreadCell.current.hub { return unsafe .fromOpaque(hub) }
        do {
            return unsafe try .passUnretained(make())
        } catch {
            fatalError("plait: no hub for thread \(Strand.current.name): \(error)")
        }
    }

    /// The calling thread's hub, if it has one.
    static var ofThread: Hub? {
        guard let hub = unsafe ThreadCell.current.hub else { return nil }
        return unsafe Unmanaged<Hub>.fromOpaque(hub).takeUnretainedValue()
    }

    /// How a hub is made.
    public struct Options: Sendable {
        /// Bytes of address space for a fiber's stack, unless its `spawn` says otherwise.
        public var stackSize = Hub.defaultStackSize
        /// Protects stacks as on a kernel before 6.13.
        package var withoutGuardMarkers = false

        public init() {}
    }

    /// 128 KiB: twice what the deepest common call of Foundation was seen to take, and page tables
    /// for it still leave a million parked fibers below 4.7 KiB each.
    public static let defaultStackSize = 131_072

    /// Makes the calling thread's hub, on a selector and with options of the caller's choice.
    ///
    /// A thread that has a hub already traps.
    /// - Throws: `SystemError`, at the limit of descriptors.
    @discardableResult
    public static func make(
        selector: (any ReadinessSelector)? = nil, options: Options = Options()
    ) throws(SystemError) -> Hub {
        let cell = ThreadCell.current
        demand(
            unsafe cell.hub == nil, "thread \(Strand.current.name) has a hub already")
        let hub = try Hub(selector: selector, options: options)
        hub.root.engine = hub
        hub.root.atExit = { Hub.leaveThread() }
        // The thread owns it; see leaveThread().
        unsafe cell.hub = Unmanaged.passRetained(hub).toOpaque()
        HubRegistry.add(hub)
        return hub
    }

    /// Whether this is the calling thread's hub.
    @inline(__always)
    var isCurrent: Bool {
        unsafe ThreadCell.current.hub == Unmanaged.passUnretained(self).toOpaque()
    }

    /// Ends the calling thread's hub: waits for its fibers, cancelling daemons first.
    static func leaveThread() {
        guard let pointer = unsafe ThreadCell.current.hub else { return }
        let reference = unsafe Unmanaged<Hub>.fromOpaque(pointer)
        let hub = unsafe reference.takeUnretainedValue()
        repeat {
            hub.endFibers()
            hub.round(mayBlock: false)
        } while hub.aliveCount > 0 || !hub.loop.end()
        HubRegistry.remove(hub)
        hub.root.engine = nil
        hub.root.atExit = nil
        unsafe ThreadCell.current.hub = nil
        unwatchStackOverflow()
        unsafe reference.release()
    }

    /// Makes the forked child of a single-threaded program a program without a hub: the parent's
    /// fibers are not the child's. To be called first in the child, by the thread's own strand.
    package static func forgetAfterFork() {
        guard let pointer = unsafe ThreadCell.current.hub else { return }
        let hub = unsafe Unmanaged<Hub>.fromOpaque(pointer).takeUnretainedValue()
        demand(
            unsafe ThreadCell.current.stack == nil,
            "fork in fiber \(Strand.current.name): fork from the thread's own strand")
        hub.loop.forgetAfterFork()
        HubRegistry.remove(hub)
        hub.root.engine = nil
        // Kept, with what the parent's fibers own: it must not be taken apart here.
        unsafe ThreadCell.current.hub = nil
    }

    private func endFibers() {
        while true {
            let alive = fibers
            guard let first = alive.first else { return }
            if let fiber = alive.first(where: { !$0.isDaemon }) {
                fiber.joinUncancellably()
            } else {
                // A daemon may catch its cancellation and wait again: it is told until it ends.
                for fiber in alive { fiber.cancel() }
                first.joinUncancellably(until: Deadline(within: .milliseconds(1)))
            }
        }
    }

    // MARK: Starting fibers

    /// A number for a new strand of this hub. Any thread.
    func newNumber() -> UInt64 {
        guard isCurrent else { return StrandNumber.reserve() }
        if numbers.isEmpty {
            let first = StrandNumber.reserve(1_024)
            numbers = first..<(first + 1_024)
        }
        let number = numbers.lowerBound
        numbers = (number + 1)..<numbers.upperBound
        return number
    }

    /// Hands a new fiber to the hub, which owns it until it ends. Any thread.
    func start(_ fiber: Fiber) {
        // The hub's reference, given back when the fiber has ended.
        _ = unsafe Unmanaged.passRetained(fiber)
        if isCurrent {
            admit(fiber)
        } else if !loop.postUnlessEnded({ self.admit(fiber) }) {
            fail(fiber, HubEnded())
        }
    }

    /// Ends a fiber that cannot be started.
    private func fail(_ fiber: Fiber, _ error: any Error) {
        fiber.keepError(error)
        fiber.finish()
        unsafe Unmanaged.passUnretained(fiber).release()
    }

    private func admit(_ fiber: Fiber) {
        do throws(SystemError) {
            let size = fiber.stackSize
            let stack = try size == pool.stackSize ? pool.take() : otherPool(size).take()
            if size == pool.stackSize ? pool.needsChecks : otherPool(size).needsChecks {
                checksStacks = true
            }
            fiber.prepareStack(stack)
        } catch {
            fail(fiber, error)
            return
        }
        unsafe linkAlive(Unmanaged.passUnretained(fiber))
        enqueue(fiber)
    }

    private func otherPool(_ size: Int) -> StackPool {
        if let pool = otherPools[size] { return pool }
        let pool = StackPool(stackSize: size)
        otherPools[size] = pool
        return pool
    }

    private func linkAlive(_ fiber: Unmanaged<Fiber>) {
        aliveCount += 1
        if let first = unsafe firstAlive {
            unsafe first.withFiber { unsafe $0.previousAlive = unsafe fiber }
            unsafe fiber.withFiber { unsafe $0.nextAlive = unsafe first }
        }
        unsafe firstAlive = unsafe fiber
    }

    private func unlinkAlive(_ fiber: Fiber) {
        aliveCount -= 1
        if let previous = unsafe fiber.previousAlive {
            unsafe previous.withFiber { unsafe $0.nextAlive = unsafe fiber.nextAlive }
        } else {
            unsafe firstAlive = fiber.nextAlive
        }
        if let next = unsafe fiber.nextAlive {
            unsafe next.withFiber { unsafe $0.previousAlive = unsafe fiber.previousAlive }
        }
    }

    /// The fibers that live on this hub, youngest first. On its thread.
    var fibers: [Fiber] {
        var found: [Fiber] = []
        var next = unsafe firstAlive
        while let reference = unsafe next {
            let fiber = unsafe reference.takeUnretainedValue()
            found.append(fiber)
            unsafe next = fiber.nextAlive
        }
        return found
    }

    // MARK: The run queue

    /// Lets a parked fiber run after the others that are ready. On the hub's thread.
    func enqueue(_ fiber: Fiber) {
        let reference = unsafe Unmanaged.passUnretained(fiber)
        unsafe fiber.next = nil
        if let last = unsafe lastReady {
            unsafe last.withFiber { unsafe $0.next = unsafe reference }
        } else {
            unsafe firstReady = reference
        }
        unsafe lastReady = reference
    }

    @inline(__always)
    private func popReady() -> Unmanaged<Fiber>? {
        guard let first = unsafe firstReady else { return nil }
        unsafe firstReady = first.withFiber { unsafe $0.next }
        if unsafe firstReady == nil { unsafe lastReady = nil }
        return unsafe first
    }

    /// Lets a parked fiber run, from another thread.
    func enqueueFromAfar(_ fiber: Fiber) {
        let address = unsafe UInt(bitPattern: Unmanaged.passUnretained(fiber).toOpaque())
        var seen = arrivals.load(ordering: .relaxed)
        while true {
            unsafe fiber.next = UnsafeMutableRawPointer(bitPattern: seen).map {
                unsafe Unmanaged.fromOpaque($0)
            }
            // .releasing pairs with the .acquiring exchange in admitArrivals().
            let (done, now) = arrivals.weakCompareExchange(
                expected: seen, desired: address, successOrdering: .releasing,
                failureOrdering: .relaxed)
            if done { break }
            seen = now
        }
        loop.wake()
    }

    private func admitArrivals() {
        guard arrivals.load(ordering: .relaxed) != 0 else { return }
        var next = unsafe UnsafeMutableRawPointer(
            bitPattern: arrivals.exchange(0, ordering: .acquiring)
        ).map { unsafe Unmanaged<Fiber>.fromOpaque($0) }
        // Last first: turned around, for first come, first served.
        var reversed: Unmanaged<Fiber>?
        while let fiber = unsafe next {
            unsafe next = fiber.withFiber { unsafe $0.next }
            unsafe fiber.withFiber { unsafe $0.next = unsafe reversed }
            unsafe reversed = unsafe fiber
        }
        while let reference = unsafe reversed {
            unsafe reference.withFiber { fiber in
                unsafe reversed = fiber.next
                enqueue(fiber)
            }
        }
    }

    // MARK: Switching

    /// Lets the other strands of the calling thread run, or another thread.
    static func yield() {
        let cell = ThreadCell.current
        guard let hub = unsafe cell.hub else {
            yieldThread()
            return
        }
        unsafe Unmanaged<Hub>.fromOpaque(hub)._withUnsafeGuaranteedRef { $0.yieldStrand() }
    }

    private func yieldStrand() {
        let cell = ThreadCell.current
        guard unsafe cell.stack != nil, let strand = unsafe cell.strand else {
            round(mayBlock: false)
            return
        }
        unsafe Unmanaged<Fiber>.fromOpaque(strand).withFiber { fiber in
            enqueue(fiber)
            switchAway(from: fiber)
        }
    }

    /// Stops `fiber`, the running one, and runs the next that is ready, or the loop.
    func switchAway(from fiber: Fiber) {
        let context = unsafe fiber.stack.unsafelyUnwrapped.context
        // Before another runs, whose stack it may have overwritten.
        if checksStacks { checkStack(fiber) }
        // The next one's turn begins.
        operationBudget = Hub.operationsPerTurn
        if budget > 0, let next = unsafe popReady() {
            budget -= 1
            unsafe enter(next)
            if unsafe next.toOpaque() == Unmanaged.passUnretained(fiber).toOpaque() { return }
            unsafe next.withFiber {
                unsafe plait_context_switch(context, $0.stack.unsafelyUnwrapped.context)
            }
        } else {
            enterRoot()
            unsafe plait_context_switch(context, rootContext)
        }
    }

    /// Tells the thread's cell who is about to run.
    @inline(__always)
    private func enter(_ fiber: Unmanaged<Fiber>) {
        let cell = ThreadCell.current
        unsafe cell.strand = fiber.toOpaque()
        unsafe cell.stack = fiber.withFiber { unsafe $0.stack.unsafelyUnwrapped.note }
    }

    private func enterRoot() {
        let cell = ThreadCell.current
        unsafe cell.strand = Unmanaged.passUnretained(root).toOpaque()
        unsafe cell.stack = nil
    }

    /// Counts a read or write that did not wait: a fiber that always has data must let others run.
    @inline(__always)
    package func countOperation() {
        operationBudget -= 1
        if operationBudget <= 0 {
            // By way of the loop, since others may wait for what it has to tell.
            budget = 0
            yieldStrand()
        }
    }

    private func checkStack(_ fiber: Fiber) {
        if unsafe fiber.stack?.hasOverflowed == true {
            fatalError(
                "plait: fiber \(fiber.name) overflowed its stack of \(fiber.stackSize / 1_024) KiB")
        }
    }

    /// Leaves the stack of a fiber whose body has ended, for good.
    static func end(_ reference: Unmanaged<Fiber>) -> Never {
        // Owns nothing when it leaves: what is on this stack stays there.
        let contexts = unsafe reference.withFiber { fiber in
            unsafe fiber.withHub { unsafe $0.bury(fiber) }
        }
        unsafe plait_context_leave(contexts.from, contexts.to)
    }

    private func bury(
        _ fiber: Fiber
    ) -> (from: UnsafeMutablePointer<plait_context>, to: UnsafeMutablePointer<plait_context>) {
        fiber.finish()
        // The hub's reference. If it is the last, code of the user's that the result runs when it
        // goes may still wait here.
        var owned: Fiber? = unsafe Unmanaged.passUnretained(fiber).takeRetainedValue()
        if isKnownUniquelyReferenced(&owned), let last = owned {
            if let error = last.unobservedError { UncaughtErrors.report(error, of: last) }
            last.dropResult()
        }
        unlinkAlive(fiber)
        let stack = fiber.surrenderStack()
        // From here on it may not: the fiber is no strand any more.
        unsafe ThreadCell.current.strand = Unmanaged.passUnretained(noWaiting).toOpaque()
        owned = nil
        // It goes on being used until the switch below, but nobody takes it before that.
        if stack.size == pool.stackSize {
            pool.give(stack)
        } else {
            otherPool(stack.size).give(stack)
        }
        if budget > 0, let next = unsafe popReady() {
            budget -= 1
            unsafe enter(next)
            return unsafe next.withFiber {
                unsafe (stack.context, $0.stack.unsafelyUnwrapped.context)
            }
        }
        enterRoot()
        return unsafe (stack.context, rootContext)
    }

    // MARK: The root's rounds

    /// Runs messages, timers, descriptors and ready fibers once.
    private func round(mayBlock: Bool) {
        admitArrivals()
        let isIdle = unsafe mayBlock && firstReady == nil
        if isIdle { trimStacks() }
        loop.runOnce(until: isIdle ? nextTrim : .immediate)
        admitArrivals()
        budget = Hub.switchesPerTurn
        if let first = unsafe popReady() {
            unsafe enter(first)
            unsafe first.withFiber {
                unsafe plait_context_switch(rootContext, $0.stack.unsafelyUnwrapped.context)
            }
        }
    }

    private func trimStacks() {
        let now = loop.now.nanoseconds
        guard now >= lastTrim.nanoseconds + Hub.trimInterval else { return }
        lastTrim = loop.now
        pool.trim()
        for pool in otherPools.values { pool.trim() }
    }

    /// When an idle hub should wake for trimming.
    private var nextTrim: Deadline {
        guard pool.hasWarmStacks || otherPools.values.contains(where: \.hasWarmStacks) else {
            return .never
        }
        return lastTrim.advanced(by: Hub.trimInterval)
    }

    /// Runs callbacks of the loop, in which nothing may wait.
    private func runCallbacks(_ body: () -> Void) {
        let cell = ThreadCell.current
        let before = unsafe cell.strand
        unsafe cell.strand = Unmanaged.passUnretained(noWaiting).toOpaque()
        body()
        unsafe cell.strand = before
    }

    /// Runs `body` on the hub's thread, soon. Any thread. It must not wait: it may start a fiber.
    public func post(_ body: @escaping @Sendable () -> Void) { loop.post(body) }

    /// How much memory the hub's fibers take for stacks of the default size. On the hub's thread.
    public var stackStatistics: StackStatistics { pool.statistics }

    /// The waits of the hub's strands. On the hub's thread.
    var waits: [WaitSnapshot] { fibers.compactMap(\.currentWait) }
}

extension Hub: ThreadEngine {
    public func run(waiter: Waiter, until deadline: Deadline, while isWaiting: () -> Bool) {
        if deadline == .immediate, waiter.settle(.timedOut) { return }
        if deadline != .never { loop.set(waiter, at: deadline) }
        // A wait that its timer ended is settled, and unparked through the token like any other.
        while isWaiting() { round(mayBlock: true) }
        if deadline != .never { loop.cancel(waiter) }
    }

    public func wake() {
        if isCurrent {
            // The root goes on as soon as the running fiber waits.
            budget = 0
            return
        }
        loop.wake()
    }
}

extension Unmanaged<Fiber> {
    /// Uses the fiber without counting references.
    @inline(__always)
    func withFiber<Result>(_ body: (Fiber) -> Result) -> Result {
        unsafe _withUnsafeGuaranteedRef(body)
    }
}

/// The hub's thread had ended when a fiber was to be started there.
public struct HubEnded: Error, Sendable, CustomStringConvertible {
    public var description: String {
        "the thread of the hub has ended: spawn on a hub whose thread lives"
    }
}

/// The strand of loop callbacks: they run between strands and cannot wait.
private final class CallbackStrand: Strand, @unchecked Sendable {
    // Sendable: has no state.
    init() {
        super.init(id: 0, kind: .thread, name: "loop callback", isDaemon: true)
    }

    override func prepare(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        fatalError(
            """
            plait: \(waiter.target.verb) would wait inside a callback or task that runs on a hub's \
            loop; spawn a fiber for it, or use the async form
            """)
    }
    override func cancel() {}
    override var isCancelled: Bool { false }
}
