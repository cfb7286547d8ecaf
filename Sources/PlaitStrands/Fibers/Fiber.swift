internal import CPlaitLinux
internal import CPlaitSwitch
internal import PlaitLoop
public import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// A strand that is a stackful coroutine. It lives on the hub of one thread and never leaves it.
@safe
@usableFromInline
class Fiber: Strand, @unchecked Sendable {
    // Sendable: `everCancelled` is atomic; all else belongs to the hub's thread, from the moment
    // the fiber is handed to the hub. Every switch reads `hub`, `next` and `stack`, so run-time
    // checks of exclusivity are off.

    /// The hub lives as long as the fiber: a hub does not end before its fibers.
    private let hubReference: Unmanaged<Hub>
    /// Runs the body of a fiber, given as ``FiberOf``, and keeps its result. Captures nothing.
    private let perform: (Fiber) -> Void
    /// The fiber's stack; nil before the fiber starts and after it has ended.
    @exclusivity(unchecked) private(set) var stack: FiberStack?
    let stackSize: Int
    /// The task-local values of the strand that started the fiber.
    private let bindings = TaskBindings.captured()

    /// The next in the hub's run queue, or in its list of arrivals from other threads.
    @exclusivity(unchecked) var next: Unmanaged<Fiber>?
    /// Neighbours in the hub's list of live fibers.
    @exclusivity(unchecked) var nextAlive: Unmanaged<Fiber>?
    @exclusivity(unchecked) var previousAlive: Unmanaged<Fiber>?

    @exclusivity(unchecked) private var requests = StrandRequests()
    private let everCancelled = Atomic<Bool>(false)

    @usableFromInline
    init(_ plan: FiberPlan, perform: @escaping (Fiber) -> Void) {
        unsafe hubReference = plan.hub
        self.perform = perform
        stackSize =
            unsafe plan.stackSize.map(StackPool.wholePages)
            ?? plan.hub._withUnsafeGuaranteedRef { $0.pool.stackSize }
        unsafe next = nil
        unsafe nextAlive = nil
        unsafe previousAlive = nil
        unsafe super.init(
            id: plan.hub._withUnsafeGuaranteedRef { $0.newNumber() }, kind: .fiber,
            name: plan.name, isDaemon: plan.isDaemon)
    }

    deinit {
        if let error = unobservedError { UncaughtErrors.report(error, of: self) }
    }

    var hub: Hub { unsafe hubReference.takeUnretainedValue() }

    /// Uses the hub without counting references.
    @inline(__always)
    func withHub<Result>(_ body: (Hub) -> Result) -> Result {
        unsafe hubReference._withUnsafeGuaranteedRef(body)
    }

    /// Runs the fiber's work.
    func run() {
        if let bindings {
            bindings.perform { perform(self) }
        } else {
            perform(self)
        }
    }

    // MARK: Starting and ending

    /// Hands the new fiber to its hub. Any thread may call it.
    @usableFromInline
    final func start() { withHub { $0.start(self) } }

    /// Gives the fiber the stack on which it will start. Called on the hub's thread.
    func prepareStack(_ stack: FiberStack) {
        let name = hasGivenName ? unsafe copyToC(self.name) : nil
        unsafe stack.prepare(
            number: id, name: name, entry: fiberEntry,
            argument: Unmanaged.passUnretained(self).toOpaque())
        unsafe self.stack = stack
    }

    /// Takes the stack from the ended fiber, which still runs on it.
    func surrenderStack() -> FiberStack {
        guard let stack = unsafe self.stack else {
            preconditionFailure("fiber \(name) has no stack")
        }
        // Signal handlers read the note as long as this stack is the running one.
        if let name = unsafe plait_stack_note_take_name(&stack.header.pointee.note) {
            unsafe freeC(name)
        }
        unsafe self.stack = nil
        return stack
    }

    // MARK: Waiting

    override func prepare(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        waiter.since = withHub { $0.loop.now.nanoseconds }
        return unsafe requests.begin(waiter, isCancellable: isCancellable)
    }

    // Nothing on this thread can have ended it since it began.
    override func abandon(_ waiter: Waiter) { unsafe requests.end() }

    override func park(_ waiter: Waiter, until deadline: Deadline) {
        withHub { hub in
            if deadline == .never {
                hub.switchAway(from: self)
            } else if deadline == .immediate && waiter.settle(.timedOut) {
                // The deadline has passed, so the fiber gives up at once.
            } else {
                hub.loop.set(waiter, at: deadline)
                hub.switchAway(from: self)
                hub.loop.cancel(waiter)
            }
        }
        unsafe requests.end()
    }

    override func unpark(_ waiter: Waiter) {
        if withHub({ $0.isCurrent }) {
            withHub { $0.enqueue(self) }
        } else {
            // Retained here, since both the fiber and its hub may end once the fiber is queued.
            hub.enqueueFromAfar(self)
        }
    }

    // MARK: Cancelling and looking

    override func cancel() {
        everCancelled.store(true, ordering: .relaxed)
        if isHere {
            cancelHere()
        } else {
            // The hub delivers the cancellation, since only its thread may look at the fiber's
            // wait.
            hubIfAlive?.post { self.cancelHere() }
        }
    }

    /// Whether the calling thread is the thread of the fiber's hub.
    private var isHere: Bool { unsafe ThreadCell.current.hub == hubReference.toOpaque() }

    /// The fiber's hub, for other threads; nil if the fiber and its hub have ended.
    private var hubIfAlive: Hub? { unsafe HubRegistry.hub(at: hubReference.toOpaque()) }

    /// Called in a forked child for a fiber of the parent. Ends the fiber's wait, since a primitive
    /// might otherwise choose a fiber that never goes on here. Writes to no fiber that does not
    /// wait, because the child would copy its page.
    func leaveQueues() {
        if let waiting = unsafe requests.waiting, waiting.isListed {
            _ = waiting.settle(.cancelled)
        }
    }

    override var nativeID: Int32? { isAlive ? hubIfAlive?.root.nativeID : nil }

    private func cancelHere() {
        if isAlive { unsafe requests.cancel()?.unpark() }
    }

    override func interrupt(if isWanted: @escaping @Sendable () -> Bool) {
        guard isHere else {
            hubIfAlive?.post { self.interrupt(if: isWanted) }
            return
        }
        unsafe requests.interrupt(if: isWanted)?.unpark()
    }

    override func retractInterrupts() {
        unsafe requests.retractInterrupts()
    }

    override var isCancelled: Bool { everCancelled.load(ordering: .relaxed) }

    override var currentWait: WaitSnapshot? {
        isHere ? presentWait : nil
    }

    /// As ``currentWait``, where the hub's thread is known to be asleep.
    var presentWait: WaitSnapshot? {
        guard let waiting = unsafe requests.waiting, waiting.outcome == .pending else { return nil }
        return WaitSnapshot(strand: self, waiter: waiting)
    }
}

/// The options of a `spawn`.
@safe
@usableFromInline
struct FiberPlan {
    /// The caller's own hub, or a hub that the caller retains.
    let hub: Unmanaged<Hub>
    let name: String?
    let isDaemon: Bool
    let stackSize: Int?

    @usableFromInline
    init(_ hub: Hub?, _ name: String?, _ isDaemon: Bool, _ stackSize: Int?) {
        unsafe self.hub = unsafe hub.map { unsafe .passUnretained($0) } ?? Hub.currentReference
        self.name = name
        self.isDaemon = isDaemon
        self.stackSize = stackSize
    }
}

/// A fiber with its body.
@usableFromInline
final class FiberOf<Success>: Fiber, @unchecked Sendable {
    // Sendable: only the fiber uses `body`.
    @exclusivity(unchecked) @usableFromInline var body: (() throws -> Success)?

    @inlinable
    init(_ plan: FiberPlan, _ body: @escaping () throws -> Success) {
        unsafe self.body = body
        // A closure, since it is specialised together with `spawn`; methods of a generic class are
        // not.
        super.init(plan) { fiber in
            let fiber = unsafe unsafeDowncast(fiber, to: FiberOf<Success>.self)
            guard let body = unsafe fiber.body.take() else { return }
            fiber.keepResult(of: body)
        }
    }
}

/// The first Swift code on a fiber's stack. It must own nothing when the fiber leaves the stack for
/// good.
private func fiberEntry(_ argument: UnsafeMutableRawPointer) {
    let reference = unsafe Unmanaged<Fiber>.fromOpaque(argument)
    unsafe reference.withFiber {
        $0.run()
        $0.endLocals()
    }
    unsafe Hub.end(reference)
}
