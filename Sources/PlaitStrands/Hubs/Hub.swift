internal import CPlaitLinux
internal import CPlaitSwitch
internal import Logging
public import PlaitLoop
public import PlaitParking
public import PlaitPlatform
internal import PlaitSelectors
internal import Synchronization

/// A thread's loop and the fibers that live on it. Each thread has at most one hub, made on first
/// use.
///
/// Fibers run one at a time, and only while the thread's own strand waits in Plait (joins, sleeps,
/// gets from a queue): that wait runs the hub. A fiber keeps the thread until it waits or yields,
/// so two fibers of a hub may share data without a lock between their waits.
@safe
public final class Hub: @unchecked Sendable {
    // Sendable: `arrivals` and `pulse` are atomic, and so is what `hasReadyFibers` reads; `loop`
    // has its own rules; all else belongs to the thread.

    public let loop: Loop
    /// Runs Swift's tasks on this thread while the thread's strand waits.
    public let executor: LoopExecutor
    /// The thread's own strand, which runs the hub while it waits.
    let root: ThreadStrand
    /// The context of the root's stack while a fiber runs. This object owns the memory and frees it
    /// in deinit.
    private let rootContext: UnsafeMutablePointer<plait_context>
    let pool: StackPool
    /// The pools of other stack sizes, by size.
    private var otherPools: [Int: StackPool] = [:]

    // Every switch and every fiber touches these two, so run-time checks of exclusivity are off. No
    // access to them calls foreign code.
    @exclusivity(unchecked) private var ready = RunQueue()
    /// Counts turns, for a monitor on another thread.
    let pulse = HubPulse()
    /// The turn after which the hub looks at the loop again.
    private var lastTurn = 0
    /// How many reads and writes without a wait are left before the fiber must let others run.
    private var operationBudget = Hub.operationsPerTurn
    /// The fibers that other threads have made ready.
    private let arrivals = Arrivals()
    private var lastTrim: Deadline
    private var isTrimming = false

    /// Whether some stacks of this hub have no guard.
    private var checksStacks = false
    @exclusivity(unchecked) private(set) var alive = LivingFibers()
    private var numbers: Range<UInt64> = 0..<0
    /// What carries out the operations of this hub's strands, if it is not the selector: `PlaitIO`
    /// keeps it here. Belongs to the thread.
    @exclusivity(unchecked) package var engineOfOperations: AnyObject?

    private static let switchesPerTurn = 128
    private static let operationsPerTurn = 64
    private static let trimInterval: UInt64 = 1_000_000_000
    /// The length of a slice in nanoseconds. A step that begins within it may take as long again.
    private static let trimSlice: UInt64 = 50_000

    /// Makes the hub of the calling thread, which has none.
    init(selector: (any ReadinessSelector)?, options: Options) throws(SystemError) {
        plait_words_prepare()
        loop = try Loop(selector: selector)
        executor = LoopExecutor(loop: loop)
        let strand = Strand.current
        guard let thread = strand as? ThreadStrand else {
            fatalError("plait: a hub belongs to a thread, not to \(strand.name)")
        }
        root = thread
        unsafe rootContext = .allocate(capacity: 1)
        unsafe rootContext.initialize(to: plait_context())
        pool = StackPool(
            stackSize: options.stackSize, withoutMarkers: options.withoutGuardMarkers)
        lastTrim = loop.now
        loop.checkThread("Hub.make")
        loop.around = { [unowned self] body in self.runCallbacks(body) }
        // While the thread sleeps, the data that these read cannot change.
        loop.waitsOfStrands = { [unowned self] in
            root.waits + self.fibers.compactMap(\.presentWait)
        }
        try watchStackOverflow()
        allowThreadSamples()
    }

    deinit {
        unsafe rootContext.deallocate()
    }

    // MARK: Starting fibers

    /// A number for a new strand of this hub. Any thread may call it.
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

    /// Hands a new fiber to the hub, which owns it until it ends. Any thread may call it.
    func start(_ fiber: Fiber) {
        // The hub's reference, which the hub releases when the fiber has ended.
        _ = unsafe Unmanaged.passRetained(fiber)
        if isCurrent {
            admit(fiber)
        } else if !loop.post({ self.admit(fiber) }) {
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
        unsafe alive.insert(fiber)
        enqueue(fiber)
    }

    private func otherPool(_ size: Int) -> StackPool {
        if let pool = otherPools[size] { return pool }
        let pool = StackPool(stackSize: size)
        otherPools[size] = pool
        return pool
    }

    /// The fibers that live on this hub, youngest first. Called on the hub's thread.
    var fibers: [Fiber] { unsafe alive.all }

    // MARK: The run queue

    /// Lets a parked fiber run after the others that are ready. Called on the hub's thread.
    func enqueue(_ fiber: Fiber) { unsafe ready.append(fiber) }

    /// Lets a parked fiber run, from another thread.
    func enqueueFromAfar(_ fiber: Fiber) {
        arrivals.add(fiber)
        loop.wake()
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
        if !Strand.currentCanWait { CallbackStrand.refuse("Strand.yield") }
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

    /// Stops `fiber`, which is running, and runs the next ready fiber, or the loop if there is
    /// none.
    func switchAway(from fiber: Fiber) {
        let context = unsafe fiber.stack.unsafelyUnwrapped.context
        // Check before another fiber runs, whose stack this one may have overwritten.
        if checksStacks { checkStack(fiber) }
        // The turn of the next fiber begins.
        operationBudget = Hub.operationsPerTurn
        let turn = pulse.turn
        pulse.advance(from: turn)
        if turn < lastTurn, let next = unsafe ready.popFirst() {
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

    /// Stores the fiber that is about to run in the thread's cell.
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

    /// Counts a read or write that did not wait. A fiber that always has data must let others run
    /// too.
    @inline(__always)
    package func countOperation() {
        operationBudget -= 1
        if operationBudget <= 0 { spendTurn() }
    }

    private func spendTurn() {
        // Code that runs between strands need not make room for others.
        guard Strand.currentCanWait else {
            operationBudget = Hub.operationsPerTurn
            return
        }
        // Go through the loop, since other strands may wait for its events.
        lookAtLoopNext()
        yieldStrand()
    }

    /// Makes the running fiber's next wait go through the loop.
    @inline(__always)
    private func lookAtLoopNext() { lastTurn = pulse.turn }

    private func checkStack(_ fiber: Fiber) {
        if unsafe fiber.stack?.hasOverflowed == true {
            fatalError(
                "plait: fiber \(fiber.name) overflowed its stack of \(fiber.stackSize / 1_024) KiB")
        }
    }

    /// Leaves the stack of an ended fiber for good.
    static func end(_ reference: Unmanaged<Fiber>) -> Never {
        // This function must own nothing when it leaves: what is on this stack stays there.
        let contexts = unsafe reference.withFiber { fiber in
            unsafe fiber.withHub { unsafe $0.bury(fiber) }
        }
        unsafe plait_context_leave(contexts.from, contexts.to)
    }

    private func bury(
        _ fiber: Fiber
    ) -> (from: UnsafeMutablePointer<plait_context>, to: UnsafeMutablePointer<plait_context>) {
        fiber.finish()
        // The hub's reference. If it is the last one, the result's `deinit` runs user code here,
        // which may still wait.
        var owned: Fiber? = unsafe Unmanaged.passUnretained(fiber).takeRetainedValue()
        if isKnownUniquelyReferenced(&owned), let last = owned {
            if let error = last.unobservedError { UncaughtErrors.report(error, of: last) }
            last.dropResult()
        }
        unsafe alive.remove(fiber)
        let stack = fiber.surrenderStack()
        // From here on code must not wait: the fiber is not a strand any more.
        unsafe ThreadCell.current.strand = Unmanaged.passUnretained(loop.callbacks).toOpaque()
        owned = nil
        // The stack stays in use until the switch below, but nobody takes it from the pool before
        // that.
        if stack.size == pool.stackSize {
            pool.give(stack)
        } else {
            otherPool(stack.size).give(stack)
        }
        let turn = pulse.turn
        pulse.advance(from: turn)
        if turn < lastTurn, let next = unsafe ready.popFirst() {
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
    func round(mayBlock: Bool) {
        // The thread may be waiting inside a Swift task, which does not concern the fibers.
        let task = unsafe plait_task_leave()
        defer { unsafe plait_task_return(task) }
        unsafe arrivals.move(to: &ready)
        let isIdle = unsafe mayBlock && ready.isEmpty
        let mayRest = isIdle && trimStacks()
        pulse.enter(mayRest ? .idle : .running)
        loop.runOnce(until: mayRest ? nextTrim : .immediate)
        pulse.enter(.running)
        unsafe arrivals.move(to: &ready)
        lastTurn = pulse.turn + Hub.switchesPerTurn
        if let first = unsafe ready.popFirst() {
            unsafe enter(first)
            unsafe first.withFiber {
                unsafe plait_context_switch(rootContext, $0.stack.unsafelyUnwrapped.context)
            }
        }
        pulse.enter(.thread)
        if plait_accesses_taken_off() != 0 { _ = Hub.tellOfAccesses }
    }

    /// Logged once in a program.
    private static let tellOfAccesses: Void = Logger(label: "plait.strands").notice(
        """
        more than \(plait_most_listed_accesses) exclusive accesses are open in fibers that wait: overlaps of \
        further fibers with others are not found (see docs/decisions/0017-flow-of-control.md)
        """)

    /// Gives back stacks that nobody needed for a while, for a slice of time. Between slices the
    /// hub looks at the loop.
    /// - Returns: False when more is left to do.
    private func trimStacks() -> Bool {
        if !isTrimming {
            let now = loop.now.nanoseconds
            guard now >= lastTrim.nanoseconds + Hub.trimInterval else { return true }
            lastTrim = loop.now
            pool.beginTrim()
            for pool in otherPools.values { pool.beginTrim() }
        }
        let limit = monotonicNow() + Hub.trimSlice
        isTrimming =
            !(pool.trim(until: limit) && otherPools.values.allSatisfy { $0.trim(until: limit) })
        return !isTrimming
    }

    /// When an idle hub wakes to trim its stacks.
    private var nextTrim: Deadline {
        guard pool.hasWarmStacks || otherPools.values.contains(where: \.hasWarmStacks) else {
            return .never
        }
        return lastTrim.advanced(by: Hub.trimInterval)
    }

    /// Runs callbacks of the loop, and lets a monitor on another thread see that.
    private func runCallbacks(_ body: () -> Void) {
        let phase = pulse.phase
        pulse.enter(.running)
        body()
        pulse.enter(phase)
    }

    /// Whether fibers wait for the thread, whichever thread made them ready. Any thread may ask;
    /// the answer may be out of date at once.
    var hasReadyFibers: Bool { unsafe !ready.isEmpty || !arrivals.isEmpty || loop.hasMessages }

    /// Runs `body` on the hub's thread, soon. Any thread may call it. `body` must not wait, but it
    /// may start a fiber.
    /// - Returns: False, having done nothing, once the hub's thread has ended.
    @discardableResult
    public func post(_ body: @escaping @Sendable () -> Void) -> Bool { loop.post(body) }

    /// How much memory the hub's fibers take for stacks of the default size. Called on the hub's
    /// thread; on others it traps.
    public var stackStatistics: StackStatistics {
        loop.checkThread("Hub.stackStatistics")
        return pool.statistics
    }

    /// The same for stacks of another size. Called on the hub's thread.
    func stackStatistics(ofSize bytes: Int) -> StackStatistics {
        let size = StackPool.wholePages(bytes)
        return (size == pool.stackSize ? pool : otherPool(size)).statistics
    }

    /// The waits of the hub's strands. Called on the hub's thread.
    var waits: [WaitSnapshot] { fibers.compactMap(\.currentWait) }
}

extension Hub: ThreadEngine {
    public func run(waiter: Waiter, until deadline: Deadline, while isWaiting: () -> Bool) {
        if deadline == .immediate, waiter.settle(.timedOut) { return }
        if deadline != .never { loop.set(waiter, at: deadline) }
        // When a timer ends the wait, the wait is settled and unparked through the token like any
        // other.
        while isWaiting() { round(mayBlock: true) }
        if deadline != .never { loop.cancel(waiter) }
    }

    public func wake() {
        if isCurrent {
            // The root's strand goes on as soon as the running fiber waits.
            lookAtLoopNext()
            return
        }
        loop.wake()
    }
}

/// A fiber could not start because the thread of its hub had ended.
public struct HubEnded: Error, Sendable, CustomStringConvertible {
    package init() {}

    public var description: String {
        "the thread of the hub has ended: spawn on a hub whose thread lives"
    }
}
