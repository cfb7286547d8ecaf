public import PlaitPlatform
internal import Synchronization

/// What a thread with a hub runs while it waits.
public protocol ThreadEngine: AnyObject, Sendable {
    /// Runs the hub while `isWaiting()` is true, at most until the timer of `waiter` fires at
    /// `deadline`.
    func run(waiter: Waiter, until deadline: Deadline, while isWaiting: () -> Bool)
    /// Makes ``run(waiter:until:while:)`` look again. Any thread may call it.
    func wake()
}

/// A strand that is an operating-system thread, whether Plait started it or not.
open class ThreadStrand: Strand, @unchecked Sendable {
    // Sendable: `guardLock` guards `waiting`, what is requested and `inSystemCall`; `engine` is
    // written by the thread itself while it does not wait, and read by who has settled one of its
    // waits; the rest is atomic.

    /// 1 once the settled wait may end. The thread sleeps on this futex.
    private let token = Atomic<UInt32>(0)
    private let everCancelled = Atomic<Bool>(false)
    private let guardLock = ShortLock()
    private var waiting: Waiter?
    private var waitIsCancellable = false
    private var cancelRequested = false
    /// Undelivered interrupts of scopes. Each closure tells whether its interrupt is still wanted.
    private var interrupts: [@Sendable () -> Bool] = []
    /// The interrupt that ended the present wait as cancelled, if an interrupt ended it.
    private var interrupt: (@Sendable () -> Bool)?
    private var inSystemCall = false
    /// 0 while the thread does not run.
    private let kernelID = Atomic<Int32>(0)
    /// The thread's hub, once it has one.
    package var engine: (any ThreadEngine)?

    /// Called at the end of a thread that Plait did not start.
    package var atExit: (() -> Void)?

    public init(name: String?, isDaemon: Bool) {
        super.init(
            id: StrandNumber.reserve(), kind: .thread, name: name, isDaemon: isDaemon)
    }

    // MARK: Being the thread's strand

    /// Makes this the strand of the calling thread.
    package func enterThread() {
        kernelID.store(kernelThreadID(), ordering: .relaxed)
        unsafe ThreadCell.current.strand = Unmanaged.passUnretained(self).toOpaque()
    }

    /// As ``enterThread()``, in a forked child. Requests to the parent's thread do not concern the
    /// child.
    package func enterForked() {
        guardLock.withLock {
            cancelRequested = false
            interrupts = []
        }
        enterThread()
    }

    /// Undoes ``enterThread()``.
    package func leaveThread() {
        unsafe ThreadCell.current.strand = nil
        kernelID.store(0, ordering: .relaxed)
    }

    open override var nativeID: Int32? {
        let number = kernelID.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// Exists before the main thread first waits, so that others can wait for it.
    static let mainThread: ThreadStrand = makeMainThread()

    private static func makeMainThread() -> ThreadStrand {
        let strand = ThreadStrand(name: "main", isDaemon: false)
        strand.kernelID.store(processID(), ordering: .relaxed)
        // A strand that joins the main thread goes on, even if nothing else of Plait is in use.
        atProgramEnd { ThreadStrand.mainThread.finish() }
        return strand
    }

    /// Makes a strand for a thread that Plait did not start; the strand lives as long as the
    /// thread.
    @usableFromInline
    static func adoptThread() -> Unmanaged<Strand> {
        let isMain = kernelThreadID() == processID()
        let strand = isMain ? mainThread : ThreadStrand(name: nil, isDaemon: true)
        strand.enterThread()
        ThreadRegistry.add(strand)
        let reference = unsafe Unmanaged<ThreadStrand>.passRetained(strand)
        unsafe atThreadExit(reference.toOpaque()) { value in
            guard let value = unsafe value else { return }
            let strand = unsafe Unmanaged<ThreadStrand>.fromOpaque(value).takeRetainedValue()
            strand.endLocals()
            strand.atExit?()
            strand.leaveThread()
            strand.engine = nil
            ThreadRegistry.remove(strand)
            strand.finish()
        }
        return unsafe Unmanaged.fromOpaque(reference.toOpaque())
    }

    // MARK: Waiting

    open override func prepare(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        waiter.since = monotonicNow()
        return guardLock.withLock {
            if isCancellable && takeRequest() { return false }
            waiting = waiter
            waitIsCancellable = isCancellable
            return true
        }
    }

    /// Whether a cancellation or interrupt has come before the wait that it is to end.
    private func takeRequest() -> Bool {
        if cancelRequested {
            cancelRequested = false
            return true
        }
        while let isWanted = interrupts.popLast() {
            if isWanted() { return true }
        }
        return false
    }

    open override func abandon(_ waiter: Waiter) {
        guardLock.withLock {
            waiting = nil
            // A canceller that came meanwhile has unparked the strand under this lock. The wait was
            // not needed, so the cancellation goes to the next wait.
            if !waiter.settle(.woken) && waiter.outcome == .cancelled {
                token.store(0, ordering: .relaxed)
                if let interrupt { interrupts.append(interrupt) } else { cancelRequested = true }
                interrupt = nil
            }
        }
    }

    open override func park(_ waiter: Waiter, until deadline: Deadline) {
        if let engine {
            engine.run(waiter: waiter, until: deadline) {
                self.token.load(ordering: .acquiring) == 0
            }
        } else {
            sleep(waiter, until: deadline)
        }
        endWait()
    }

    private func sleep(_ waiter: Waiter, until deadline: Deadline) {
        var limit = deadline
        // .acquiring pairs with the .releasing store in unpark().
        while token.load(ordering: .acquiring) == 0 {
            guard Futex.wait(on: token, while: 0, until: limit) == .timedOut else { continue }
            if waiter.settle(.timedOut) { return }
            // Another thread has settled the wait, and its token is on the way.
            limit = .never
        }
    }

    private func endWait() {
        guardLock.withLock {
            waiting = nil
            interrupt = nil
            token.store(0, ordering: .relaxed)
        }
    }

    open override func unpark(_ waiter: Waiter) {
        // After the store the thread may go on and end, so read everything from it before. Waking a
        // futex that is gone does nothing.
        let engine = self.engine
        let call = inSystemCall ? kernelID.load(ordering: .relaxed) : 0
        token.store(1, ordering: .releasing)
        if let engine {
            engine.wake()
        } else if call != 0 {
            interruptThread(call)
        } else {
            Futex.wake(token)
        }
    }

    /// Blocks the thread until a descriptor is ready: for threads without a hub.
    package func wait(
        for number: Int32, _ interest: Readiness, until deadline: Deadline
    ) throws -> Readiness? {
        var node = unsafe WaiterNode(
            parker: .passUnretained(self), target: WaitTarget("descriptor"), slot: nil)
        return try unsafe withUnsafeMutablePointer(to: &node) { pointer in
            let waiter = unsafe Waiter(pointer)
            guard prepare(waiter, isCancellable: true) else { throw CancellationError() }
            guardLock.withLock { inSystemCall = true }
            defer {
                guardLock.withLock { inSystemCall = false }
                endWait()
            }
            while true {
                // A canceller that came before the system call has not interrupted it: look again.
                if waiter.outcome == .cancelled {
                    sleep(waiter, until: .never)
                    throw CancellationError()
                }
                let result: DescriptorWait
                do {
                    result = try waitForDescriptor(
                        number, interest, until: deadline, interrupt: threadInterrupt)
                } catch {
                    settleOrAwaitToken(waiter)
                    throw error
                }
                switch result {
                case .ready(let readiness):
                    settleOrAwaitToken(waiter)
                    // If the descriptor is ready and the wait is cancelled, the cancellation
                    // counts: the canceller was promised that.
                    if waiter.outcome == .cancelled { throw CancellationError() }
                    return readiness
                case .timedOut:
                    if waiter.settle(.timedOut) { return nil }
                    sleep(waiter, until: .never)
                    throw CancellationError()
                case .interrupted: break
                }
            }
        }
    }

    /// Blocks the thread until a condition in shared memory is met: for threads without a hub.
    package func wait(
        for condition: SharedCondition, on target: WaitTarget, until deadline: Deadline,
        isCancellable: Bool
    ) -> WaitOutcome {
        var node = unsafe WaiterNode(parker: .passUnretained(self), target: target, slot: nil)
        return unsafe withUnsafeMutablePointer(to: &node) { pointer in
            let waiter = unsafe Waiter(pointer)
            guard prepare(waiter, isCancellable: isCancellable) else { return .cancelled }
            defer { endWait() }
            var words = SleepWords()
            while waiter.outcome == .pending {
                guard let expected = condition.expected() else {
                    settleOrAwaitToken(waiter)
                    break
                }
                if deadline != .never && deadline <= .now {
                    if !waiter.settle(.timedOut) { sleep(waiter, until: .never) }
                    return waiter.outcome
                }
                words.removeAll()
                words.append(condition.word, while: expected)
                // Whoever cancels the wait changes the token.
                words.sleep(
                    on: token, while: 0,
                    until: min(deadline, Deadline(within: SharedCondition.patience)))
            }
            if waiter.outcome == .cancelled { sleep(waiter, until: .never) }
            return waiter.outcome
        }
    }

    private func settleOrAwaitToken(_ waiter: Waiter) {
        if !waiter.settle(.woken) { sleep(waiter, until: .never) }
    }

    // MARK: Cancelling and looking

    open override func cancel() {
        everCancelled.store(true, ordering: .relaxed)
        guardLock.withLock { () -> Void in
            // Unparking under the lock keeps the waiter's memory alive, since its owner takes the
            // lock too.
            if let waiting, waitIsCancellable, waiting.settle(.cancelled) {
                waiting.unpark()
            } else {
                cancelRequested = true
            }
        }
    }

    open override var isCancelled: Bool { everCancelled.load(ordering: .relaxed) }

    open override func interrupt(if isWanted: @escaping @Sendable () -> Bool) {
        guardLock.withLock { () -> Void in
            guard isWanted() else { return }
            if let waiting, waitIsCancellable, waiting.settle(.cancelled) {
                interrupt = isWanted
                waiting.unpark()
            } else {
                interrupts.append(isWanted)
            }
        }
    }

    open override func retractInterrupts() {
        guardLock.withLock { interrupts.removeAll { !$0() } }
    }

    open override var currentWait: WaitSnapshot? {
        guardLock.withLock {
            waiting.flatMap {
                $0.outcome == .pending ? WaitSnapshot(strand: self, waiter: $0) : nil
            }
        }
    }
}
