public import PlaitPlatform
internal import Synchronization

extension Parking {
    /// Suspends the calling task. See ``block(on:slot:until:isCancellable:enrol:withdraw:)``.
    ///
    /// The task's cancellation ends the wait as `.cancelled`, if it is cancellable.
    /// - Parameter spins: Whether to look for the end of the wait for some microseconds before
    ///   suspending; nil never does.
    public static func suspend(
        on target: WaitTarget,
        slot: UnsafeMutableRawPointer?,
        until deadline: Deadline,
        isCancellable: Bool = true,
        isGroup: Bool = false,
        spins: SpinHistory? = nil,
        enrol: (Waiter) -> Bool,
        withdraw: (Waiter) -> Void
    ) async -> WaitOutcome {
        let parker = unsafe TaskParker(target: target, slot: slot)
        let waiter = parker.waiter
        let isSatisfied = await withTaskCancellationHandler {
            // One that was cancelled before is not to be queued.
            let isSatisfied = waiter.outcome.isPending && !enrol(waiter)
            if isSatisfied {
                if waiter.settle(.woken) { return true }
            } else if deadline != .never {
                DeadlineService.shared.set(waiter, at: deadline)
            }
            // Who has settled it unparks it, which is waited for in any case.
            if let spins, spins.watch(parker) { return isSatisfied }
            unsafe await withUnsafeContinuation { unsafe parker.park($0) }
            return isSatisfied
        } onCancel: {
            if isCancellable { parker.cancel() }
        }
        if deadline != .never { DeadlineService.shared.cancel(waiter) }
        if isSatisfied { return .woken }
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

/// A task that waits, and the memory of its wait.
@safe
private final class TaskParker: Parker, @unchecked Sendable {
    // Sendable: `phase` decides who may touch `continuation`.

    private let phase = Atomic<TaskPhase>(.running)
    private var continuation: UnsafeContinuation<Void, Never>?
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

    // .acquiring pairs with the exchange in unpark(_:).
    var isUnparked: Bool { phase.load(ordering: .acquiring) == .unparked }

    func park(_ continuation: UnsafeContinuation<Void, Never>) {
        unsafe self.continuation = unsafe continuation
        let isFirst = phase.compareExchange(
            expected: .running, desired: .suspended, ordering: .acquiringAndReleasing
        ).exchanged
        if !isFirst { unsafe continuation.resume() }
    }

    func cancel() {
        if waiter.settle(.cancelled) { waiter.unpark() }
    }

    override func unpark(_ waiter: Waiter) {
        // Unless the task is suspended, this object may be gone after the exchange.
        if phase.exchange(.unparked, ordering: .acquiringAndReleasing) == .suspended {
            unsafe continuation?.resume()
        }
    }
}

private enum TaskPhase: UInt8, AtomicRepresentable {
    case running, suspended, unparked
}

/// Whether it has paid lately that tasks looked for the end of a wait before they suspended: on
/// several processors, a partner that runs on another one is often quicker than suspending is.
///
/// A look lasts 8 µs at most. Where looks keep failing, one wait of 64 looks.
public final class SpinHistory: Sendable {
    /// Looks that may fail; below zero, waits that are not to look.
    private let credit = Atomic<Int>(most)

    public init() {}

    private static let most = 16
    /// Nanoseconds: longer than it takes to wake a thread of Swift's pool. Otherwise two tasks that
    /// pass something to and fro, once they have suspended, never meet again.
    private static let limit: UInt64 = 8_000

    /// Whether the task was unparked meanwhile.
    fileprivate func watch(_ parker: TaskParker) -> Bool {
        guard processorCount > 1 else { return false }
        // Counted without exclusion: a lost count does no harm.
        let credit = self.credit.load(ordering: .relaxed)
        guard credit >= 0 else {
            self.credit.store(credit + 1, ordering: .relaxed)
            return parker.isUnparked
        }
        let end = monotonicNow() + SpinHistory.limit
        repeat {
            if parker.isUnparked {
                self.credit.store(min(credit + 1, SpinHistory.most), ordering: .relaxed)
                return true
            }
            spinPause()
        } while monotonicNow() < end
        self.credit.store(credit > 1 ? credit - 2 : -63, ordering: .relaxed)
        return false
    }
}

/// Deadlines of tasks: one thread of the process, started with the first of them.
private final class DeadlineService: @unchecked Sendable {
    // Sendable: `guardLock` guards `wheel` and `wakeup`.
    static let shared = DeadlineService()

    private let guardLock = ShortLock()
    private var wheel = TimerWheel(time: monotonicNow())
    /// When the thread will look next.
    private var wakeup = Deadline.never
    /// Counts requests to look earlier: the futex the thread sleeps on.
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
            // It may have been settled already. Its memory is there: its own task is what calls.
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
