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
    // Sendable: `guardLock` guards `requests` and `inSystemCall`; `engine` is written by the thread
    // itself while it does not wait, and read by threads that have settled one of its waits; the
    // rest is atomic.

    /// 1 once the settled wait may end. The thread sleeps on this futex.
    private let token = Atomic<UInt32>(0)
    private let everCancelled = Atomic<Bool>(false)
    private let guardLock = ShortLock()
    private var requests = StrandRequests()
    /// The thread's own: see ``DumpRequest``.
    private var dumpPlace: Int32 = -1
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
        // An interrupt that comes between the check of a wait's outcome and the system call must
        // end the call.
        holdBackThreadInterrupt()
        dumpPlace = DumpRequest.enterThread()
        kernelID.store(kernelThreadID(), ordering: .relaxed)
        unsafe ThreadCell.current.strand = Unmanaged.passUnretained(self).toOpaque()
    }

    /// As ``enterThread()``, in a forked child. Requests to the parent's thread do not concern the
    /// child.
    package func enterForked() {
        guardLock.withLock { requests.forget() }
        enterThread()
    }

    /// Undoes ``enterThread()``.
    package func leaveThread() {
        unsafe ThreadCell.current.strand = nil
        DumpRequest.leaveThread(dumpPlace)
        LeavingThreads.note(kernelID.exchange(0, ordering: .relaxed))
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
        return guardLock.withLock { requests.begin(waiter, isCancellable: isCancellable) }
    }

    open override func abandon(_ waiter: Waiter) {
        guardLock.withLock {
            // A canceller that came meanwhile has unparked the strand under this lock.
            if requests.abandon(waiter) { token.store(0, ordering: .relaxed) }
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
        // A question that came while every thread ran.
        StrandDump.answerIfAsked()
        if deadline == .never { return sleepForEver() }
        var limit = deadline
        // .acquiring pairs with the .releasing store in unpark().
        while token.load(ordering: .acquiring) == 0 {
            guard Futex.wait(on: token, while: 0, until: limit) == .timedOut else {
                StrandDump.answerIfAsked()
                continue
            }
            if waiter.settle(.timedOut) { return }
            // Another thread has settled the wait, and its token is on the way.
            limit = .never
        }
    }

    /// Sleeps until the thread's token is there. Ends the program with a report if no thread is
    /// left that could bring it.
    private func sleepForEver() {
        var isListed = false
        for pause in AllAsleep.pauses where AllAsleep.isOn {
            let end = Deadline(within: pause)
            while !isWoken {
                if Futex.wait(on: token, while: 0, until: end) == .timedOut { break }
                StrandDump.answerIfAsked()
            }
            if isWoken { break }
            if !isListed { AllAsleep.enter(self) }
            isListed = true
            AllAsleep.look()
        }
        while !isWoken {
            _ = Futex.wait(on: token, while: 0, until: .never)
            StrandDump.answerIfAsked()
        }
        if isListed { AllAsleep.leave(self) }
    }

    private func endWait() {
        guardLock.withLock {
            requests.end()
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

    // MARK: Waiting in system calls, see ThreadCalls.swift

    func enterCall(wakesBySignal: Bool) { guardLock.withLock { inSystemCall = wakesBySignal } }

    func leaveCall() {
        guardLock.withLock { inSystemCall = false }
        endWait()
    }

    /// Sleeps until a word changes, or the wait is ended.
    func sleep(on words: inout SleepWords, until deadline: Deadline) {
        words.sleep(on: token, while: 0, until: deadline)
    }

    /// Waits for the token of a wait that another thread has settled.
    func awaitToken(_ waiter: Waiter) { sleep(waiter, until: .never) }

    // MARK: Cancelling and looking

    open override func cancel() {
        everCancelled.store(true, ordering: .relaxed)
        // Unparking under the lock keeps the waiter's memory alive, since its owner takes the lock
        // too.
        guardLock.withLock { requests.cancel()?.unpark() }
    }

    open override var isCancelled: Bool { everCancelled.load(ordering: .relaxed) }

    open override func interrupt(if isWanted: @escaping @Sendable () -> Bool) {
        guardLock.withLock { requests.interrupt(if: isWanted)?.unpark() }
    }

    open override func retractInterrupts() {
        guardLock.withLock { requests.retractInterrupts() }
    }

    open override var currentWait: WaitSnapshot? {
        guardLock.withLock {
            requests.waiting.flatMap {
                $0.outcome == .pending ? WaitSnapshot(strand: self, waiter: $0) : nil
            }
        }
    }
}

extension ThreadStrand: SleepingThread {
    // .acquiring pairs with the .releasing store in unpark().
    package var isWoken: Bool { token.load(ordering: .acquiring) != 0 }
    package var waits: [WaitSnapshot] { currentWait.map { [$0] } ?? [] }
}
