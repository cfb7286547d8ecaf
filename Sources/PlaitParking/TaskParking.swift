public import PlaitPlatform
internal import Synchronization

extension Parking {
    /// Suspends the calling task. See ``block(on:slot:until:isCancellable:enrol:withdraw:)``.
    ///
    /// If the wait is cancellable, cancelling the task ends it as `.cancelled`.
    public static func suspend(
        on target: WaitTarget,
        slot: UnsafeMutableRawPointer?,
        until deadline: Deadline,
        isCancellable: Bool = true,
        isGroup: Bool = false,
        enrol: (Waiter) -> Bool,
        withdraw: (Waiter) -> Void
    ) async -> WaitOutcome {
        let parker = unsafe TaskParker(target: target, slot: slot)
        let waiter = parker.waiter
        await withTaskCancellationHandler {
            unsafe await withUnsafeContinuation { continuation in
                guard unsafe parker.begin(continuation) else { return }
                guard enrol(waiter) else {
                    parker.wasSatisfied = true
                    if waiter.settle(.woken) { waiter.unpark() }
                    return
                }
                if deadline == .immediate {
                    // The caller tries once, so nobody has to wake it.
                    if waiter.settle(.timedOut) { waiter.unpark() }
                } else if deadline != .never {
                    DeadlineService.shared.set(waiter, at: deadline)
                }
            }
        } onCancel: {
            if isCancellable { parker.cancel() }
        }
        if deadline != .never && deadline != .immediate { DeadlineService.shared.cancel(waiter) }
        if parker.wasSatisfied { return .woken }
        let outcome = waiter.outcome
        if isGroup || !outcome.isWoken { withdraw(waiter) }
        return outcome
    }
}

extension Parking {
    /// As ``suspend(on:slot:until:enrol:withdraw:)``, for waits that pass no item.
    public static func suspend(
        on target: WaitTarget,
        until deadline: Deadline,
        isCancellable: Bool = true,
        enrol: (Waiter) -> Bool,
        withdraw: (Waiter) -> Void
    ) async -> WaitOutcome {
        unsafe await suspend(
            on: target, slot: nil, until: deadline, isCancellable: isCancellable, enrol: enrol,
            withdraw: withdraw)
    }
}

/// A suspended task, and the memory of its wait.
@safe
private final class TaskParker: Parker, @unchecked Sendable {
    // Sendable: `phase` decides which thread may touch `continuation`; the task writes
    // `wasSatisfied` before it can be resumed, and reads it after.

    /// 0: not suspended yet. 1: cancelled before that. 2: suspended.
    private let phase = Atomic<UInt32>(0)
    private var continuation: UnsafeContinuation<Void, Never>?
    var wasSatisfied = false
    /// Owned: freed in deinit, which comes after the wait since the task holds this object.
    private var node: UnsafeMutablePointer<WaiterNode>?

    init(target: WaitTarget, slot: UnsafeMutableRawPointer?) {
        super.init()
        let node = UnsafeMutablePointer<WaiterNode>.allocate(capacity: 1)
        unsafe node.initialize(
            to: WaiterNode(parker: .passUnretained(self), target: target, slot: slot))
        unsafe self.node = unsafe node
        waiter.since = monotonicNow()
    }

    deinit {
        unsafe node?.deinitialize(count: 1)
        unsafe node?.deallocate()
    }

    var waiter: Waiter { unsafe Waiter(node!) }

    /// Returns false when the task was cancelled before; the task has been resumed then.
    func begin(_ continuation: UnsafeContinuation<Void, Never>) -> Bool {
        unsafe self.continuation = unsafe continuation
        let isFirst = phase.compareExchange(
            expected: 0, desired: 2, ordering: .acquiringAndReleasing
        ).exchanged
        if !isFirst {
            _ = waiter.settle(.cancelled)
            unsafe continuation.resume()
        }
        return isFirst
    }

    func cancel() {
        let isEarly = phase.compareExchange(
            expected: 0, desired: 1, ordering: .acquiringAndReleasing
        ).exchanged
        if !isEarly && waiter.settle(.cancelled) { waiter.unpark() }
    }

    override func unpark(_ waiter: Waiter) {
        unsafe continuation?.resume()
    }
}

/// Keeps the deadlines of tasks, on one thread of the process. The first such deadline starts the
/// thread.
private final class DeadlineService: @unchecked Sendable {
    // Sendable: `guardLock` guards `wheel` and `wakeup`.
    static let shared = DeadlineService()

    private let guardLock = ShortLock()
    private var wheel = TimerWheel(time: monotonicNow())
    /// When the thread will look next.
    private var wakeup = Deadline.never
    /// Counts the requests to look earlier. The thread sleeps on this futex.
    private let requests = Atomic<UInt32>(0)

    private init() {
        do {
            try startThread(name: "plait-deadlines", stackSize: 131_072) { self.run() }
        } catch {
            fatalError("plait: no thread for the deadlines of tasks: \(error)")
        }
    }

    func set(_ waiter: Waiter, at deadline: Deadline) {
        let timer = waiter.timer
        unsafe timer.prepare(context: waiter.address) { _ in }
        let mustHurry = guardLock.withLock {
            // It may have been settled, and its task gone past cancel(_:), only after this lock:
            // the continuation's body still holds the task back from freeing the memory.
            guard waiter.outcome == .pending else { return false }
            wheel.set(timer, at: deadline)
            let next = wheel.nextWakeup
            defer { wakeup = min(next, wakeup) }
            return next < wakeup
        }
        if mustHurry {
            requests.wrappingAdd(1, ordering: .releasing)
            Futex.wake(requests)
        }
    }

    func cancel(_ waiter: Waiter) {
        guardLock.withLock { wheel.cancel(waiter.timer) }
    }

    private func run() {
        while true {
            let seen = requests.load(ordering: .acquiring)
            var claimed: [Waiter] = []
            let next = guardLock.withLock {
                wheel.advance(to: monotonicNow())
                while let timer = wheel.popDue() {
                    // Settling under the lock keeps the memory: cancel(_:) takes the lock too.
                    let waiter = unsafe Waiter(address: timer.context)
                    if waiter.settle(.timedOut) { claimed.append(waiter) }
                }
                wakeup = wheel.nextWakeup
                return wakeup
            }
            for waiter in claimed { waiter.unpark() }
            _ = Futex.wait(on: requests, while: seen, until: next)
        }
    }
}
