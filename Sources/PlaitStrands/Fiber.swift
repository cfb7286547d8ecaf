internal import CPlaitLinux
internal import CPlaitSwitch
internal import PlaitLoop
internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// A strand that is a stackful coroutine: it lives on the hub of one thread, and never leaves it.
@safe
class Fiber: Strand, @unchecked Sendable {
    // Sendable: `everCancelled` and `remoteNext`'s list head are atomic; all else belongs to the
    // hub's thread, from the moment the fiber is handed to the hub.

    /// Alive as long as the fiber: a hub does not end before its fibers.
    unowned(unsafe) let hub: Hub
    /// Its stack; nil before it is started and after it has ended.
    private(set) var stack: FiberStack?
    let stackSize: Int

    /// The next in the hub's run queue, or in its list of arrivals from other threads.
    var next: Unmanaged<Fiber>?
    /// Neighbours in the hub's list of live fibers.
    var nextAlive: Unmanaged<Fiber>?
    var previousAlive: Unmanaged<Fiber>?

    private var waiting: Waiter?
    private var waitIsCancellable = false
    private var cancelRequested = false
    private let everCancelled = Atomic<Bool>(false)

    init(hub: Hub, number: UInt64, name: String?, isDaemon: Bool, stackSize: Int) {
        unsafe self.hub = hub
        self.stackSize = stackSize
        unsafe next = nil
        unsafe nextAlive = nil
        unsafe previousAlive = nil
        super.init(id: number, kind: .fiber, name: name, isDaemon: isDaemon)
    }

    /// The fiber's work; overridden by ``FiberOf``.
    func run() { preconditionFailure("Fiber is abstract") }

    /// Drops a result that nobody can ask for any more, while the fiber can still run code.
    func dropUnreachableResult() {}

    /// Ends without having run: no stack could be had.
    func fail(_ error: any Error) {}

    // MARK: Starting and ending

    /// Gives it a stack on which it will start. On the hub's thread.
    func prepareStack(_ stack: FiberStack) {
        let name = hasGivenName ? unsafe copyToC(self.name) : nil
        unsafe stack.prepare(
            number: id, name: name, entry: fiberEntry,
            argument: Unmanaged.passUnretained(self).toOpaque())
        self.stack = stack
    }

    /// Takes the stack from the ended fiber, which still runs on it.
    func surrenderStack() -> FiberStack {
        guard let stack else { preconditionFailure("fiber \(name) has no stack") }
        if let name = unsafe stack.header.pointee.note.fiber_name {
            unsafe freeC(name)
        }
        self.stack = nil
        return stack
    }

    // MARK: Waiting

    override func prepare(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        if cancelRequested && isCancellable {
            cancelRequested = false
            return false
        }
        waiter.since = unsafe hub.loop.now.nanoseconds
        waiting = waiter
        waitIsCancellable = isCancellable
        return true
    }

    override func abandon(_ waiter: Waiter) { waiting = nil }

    override func park(_ waiter: Waiter, until deadline: Deadline) {
        if deadline == .never {
            unsafe hub.switchAway(from: self)
        } else if deadline == .immediate && waiter.settle(.timedOut) {
            // Gives up at once.
        } else {
            unsafe hub.loop.set(waiter, at: deadline)
            unsafe hub.switchAway(from: self)
            unsafe hub.loop.cancel(waiter)
        }
        waiting = nil
    }

    override func unpark(_ waiter: Waiter) {
        if unsafe hub.isCurrent {
            unsafe hub.enqueue(self)
        } else {
            unsafe hub.enqueueFromAfar(self)
        }
    }

    // MARK: Cancelling and looking

    override func cancel() {
        everCancelled.store(true, ordering: .relaxed)
        if unsafe hub.isCurrent {
            cancelHere()
        } else {
            // Delivered by the hub, which alone may look at the fiber's wait.
            unsafe hub.post { self.cancelHere() }
        }
    }

    private func cancelHere() {
        if !isAlive { return }
        if let waiting, waitIsCancellable, waiting.settle(.cancelled) {
            waiting.unpark()
        } else {
            cancelRequested = true
        }
    }

    override var isCancelled: Bool { everCancelled.load(ordering: .relaxed) }

    func forgetCancellation() { cancelRequested = false }

    override var currentWait: WaitSnapshot? {
        guard unsafe hub.isCurrent, let waiting, waiting.outcome == .pending else { return nil }
        return WaitSnapshot(strand: self, waiter: waiting)
    }
}

/// The first Swift code on a fiber's stack. Must own nothing when the stack is left for good.
private func fiberEntry(_ argument: UnsafeMutableRawPointer) {
    let reference = unsafe Unmanaged<Fiber>.fromOpaque(argument)
    unsafe reference._withUnsafeGuaranteedRef { fiber in
        unsafe plait_context_entered(fiber.stack!.context)
        fiber.run()
    }
    unsafe Hub.end(reference)
}
