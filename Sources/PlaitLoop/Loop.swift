package import PlaitParking
public import PlaitPlatform
public import PlaitSelectors
internal import Synchronization

/// The loop of one thread: timers, callbacks, descriptors and messages from other threads.
///
/// A loop knows nothing of fibers: each wait is a ``Waiter`` to it. Callbacks run on the loop's
/// thread, one after another. They may start strands. A callback that waits or lets others run ends
/// the program with a message.
///
/// A loop belongs to the thread of its hub, or without a hub to the first thread that uses it.
/// Other threads may ``post(_:)`` and ``simulate(_:)``; all other verbs trap there.
public final class Loop: @unchecked Sendable {
    // Sendable: `posted` and `hasEnded` are guarded by `postLock`, `sleep` and `owner` are atomic;
    // all else belongs to the thread that runs the loop, and checkThread(_:) traps on others.

    /// How far the loop is from its next wake-up. Thanks to it, any number of threads with messages
    /// make no more than one system call.
    private enum Sleep {
        static let awake: UInt32 = 0
        static let sleeping: UInt32 = 1
        static let notified: UInt32 = 2
    }

    private let selector: any ReadinessSelector
    private let clock: @Sendable () -> Deadline
    private var wheel: TimerWheel
    /// The last look at the clock.
    package var now: Deadline { unsafe present }
    /// Every wait of a fiber reads it, so run-time checks of exclusivity are off.
    @exclusivity(unchecked) private var present: Deadline
    /// Registrations by descriptor. An epoch tells the events of a closed descriptor from those of
    /// a later one with the same number. Looked up for every event, so run-time checks of
    /// exclusivity are off.
    @exclusivity(unchecked) private var registrations: [Registration?] = []
    /// In a forked child: the parent's registrations, kept but not used.
    private var registrationsOfParent: [Registration?] = []
    private var epoch: UInt32 = 0
    /// How many registrations exist, without the loop's own.
    package private(set) var registrationCount = 0

    /// The watches that are not cancelled.
    var signalWatches: [WatchedSignals] = []

    /// The address of the thread-local cell of the loop's thread.
    private let owner = Atomic<UInt>(Loop.noOwner)
    private static let noOwner: UInt = 0
    private static let ownerEnded: UInt = 1

    private let sleep = Atomic<UInt32>(Sleep.awake)
    private let counter: Descriptor
    private let postLock = ShortLock()
    private var posted: [@Sendable () -> Void] = []
    /// Whether the thread has ended; then nothing can be posted any more.
    private var hasEnded = false
    /// Runs a batch of callbacks. The hub replaces it, so that its monitor knows when callbacks
    /// run.
    package var around: (() -> Void) -> Void = { $0() }
    /// The strand that is current during a round.
    package let callbacks = CallbackStrand()
    /// What the loop's strands wait for. The hub replaces it. Another thread may ask while the loop
    /// sleeps.
    package var waitsOfStrands: () -> [WaitSnapshot] = { [] }
    /// Whether the selector and the clock are those of the system. Those of a test would take a
    /// pause for one of their own.
    private let isReal: Bool

    /// - Parameters:
    ///   - selector: Tells which descriptors are ready; nil takes `epoll`.
    ///   - clock: Tells the present; the monotonic clock, unless a test brings its own.
    public init(
        selector: (any ReadinessSelector)? = nil,
        clock: @escaping @Sendable () -> Deadline = { .now }
    ) throws(SystemError) {
        self.selector = if let selector { selector } else { try EpollSelector() }
        self.clock = clock
        isReal = selector == nil
        let now = clock()
        unsafe present = now
        wheel = TimerWheel(time: now.nanoseconds)
        counter = try makeEventCounter()
        // With edge triggering, nobody needs to read the counter.
        try self.selector.register(
            counter.number, interest: .readable, mode: self.selector.supportsEdge ? .edge : .level,
            token: Loop.counterToken)
    }

    private static let counterToken = UInt64.max

    // MARK: The thread

    /// Traps on any thread but the loop's own.
    @inline(__always)
    package func checkThread(_ verb: StaticString) {
        if !isHere { adopt(verb) }
    }

    /// Whether the loop belongs to the calling thread.
    @inline(__always)
    package var isHere: Bool { owner.load(ordering: .relaxed) == ThreadCell.current.address }

    /// Makes the calling thread the loop's thread, if it has none yet.
    private func adopt(_ verb: StaticString) {
        let (done, seen) = owner.compareExchange(
            expected: Loop.noOwner, desired: ThreadCell.current.address, ordering: .relaxed)
        let fault = seen == Loop.ownerEnded ? "whose thread has ended" : "of another thread"
        demand(
            done,
            """
            \(verb) on thread \(Strand.current.name), for a loop \(fault): Loop.post runs code on \
            the loop's own
            """)
    }

    // MARK: Running

    /// One round: fires due timers, looks at descriptors, runs messages.
    ///
    /// Called on the loop's thread. Traps inside a callback.
    /// - Parameter limit: How long the round may block if there is nothing to do; `.immediate` does
    ///   not block.
    public func runOnce(until limit: Deadline) {
        checkThread("Loop.runOnce")
        if !Strand.currentCanWait { CallbackStrand.refuse("Loop.runOnce") }
        // The whole round, not only its callbacks: objects that the callbacks release end here too.
        callbacks.run { performRound(until: limit) }
    }

    private func performRound(until limit: Deadline) {
        // A strand that a timer has made ready must not wait for the selector.
        let hasFired = wheel.count > 0 && fireTimers()
        var mayBlock = limit != .immediate && !hasFired
        if mayBlock {
            mayBlock =
                sleep.compareExchange(
                    expected: Sleep.awake, desired: Sleep.sleeping, ordering: .acquiringAndReleasing
                ).exchanged
        }
        if mayBlock || registrationCount > 0 {
            let end = mayBlock ? min(limit, wheel.nextWakeup) : .immediate
            if end == .never && hasNobodyOutside { sleepForEver() } else { select(until: end) }
        }
        if mayBlock && wheel.count > 0 { _ = fireTimers() }
        // .acquiring pairs with the .releasing in wake(): messages sent before it are seen.
        if mayBlock || sleep.load(ordering: .relaxed) == Sleep.notified {
            if sleep.exchange(Sleep.awake, ordering: .acquiringAndReleasing) == Sleep.notified {
                runPosted()
            }
        }
    }

    /// Whether only another thread can wake the loop if it has no timer.
    private var hasNobodyOutside: Bool {
        isReal && registrationCount == 0 && signalWatches.isEmpty && AllAsleep.isOn
    }

    /// Blocks until another thread wakes the loop. Ends the program with a report if no thread is
    /// left that could.
    private func sleepForEver() {
        var isListed = false
        for pause in AllAsleep.pauses {
            unsafe present = clock()
            select(until: Deadline(within: pause))
            if isWoken { break }
            if !isListed { AllAsleep.enter(self) }
            isListed = true
            AllAsleep.look()
        }
        if !isWoken { select(until: .never) }
        if isListed { AllAsleep.leave(self) }
    }

    /// Whether another thread has asked for attention.
    package var isNotified: Bool { sleep.load(ordering: .relaxed) == Sleep.notified }

    private func select(until deadline: Deadline) {
        if deadline != .immediate { StrandDump.answerIfAsked() }
        do {
            try selector.select(until: deadline, now: now) { token, readiness in
                self.deliver(token, readiness)
            }
        } catch {
            // The selector itself is unusable, for example because somebody closed its descriptor.
            // Nothing on this thread could ever go on.
            fatalError("plait: a loop cannot wait: \(error)")
        }
        guard deadline != .immediate else { return }
        unsafe present = clock()
        StrandDump.answerIfAsked()
    }

    private func deliver(_ token: UInt64, _ readiness: Readiness) {
        if token == Loop.counterToken {
            if !selector.supportsEdge { drainEventCounter(counter.number) }
            return
        }
        let index = Int(token & 0xFFFF_FFFF)
        guard unsafe index < registrations.count, let registration = unsafe registrations[index],
            registration.token == token
        else { return }
        registration.deliver(readiness)
    }

    // MARK: Other threads

    /// Runs `body` on the loop's thread, soon. Any thread may call it. The messages of one sender
    /// keep their order.
    ///
    /// - Returns: False, having done nothing, once the loop's thread has ended.
    @discardableResult
    public func post(_ body: @escaping @Sendable () -> Void) -> Bool {
        let isInTime = postLock.withLock {
            if !hasEnded { posted.append(body) }
            return !hasEnded
        }
        if isInTime { wake() }
        return isInTime
    }

    /// Takes no more messages and forgets all descriptors. The loop's thread calls it before it
    /// ends, when nobody waits any more.
    /// - Returns: False, having done nothing, when there are messages to run first.
    package func end() -> Bool {
        let isIdle = postLock.withLock {
            if posted.isEmpty { hasEnded = true }
            return hasEnded
        }
        guard isIdle else { return false }
        for registration in unsafe registrations.compactMap(\.self) {
            unregister(registration, willClose: false)
        }
        signalWatches = []
        around = { $0() }
        owner.store(Loop.ownerEnded, ordering: .relaxed)
        callbacks.finish()
        return true
    }

    /// Whether the loop's thread has ended, or belongs to another process. Any thread may ask.
    package var isOver: Bool { postLock.withLock { hasEnded } }

    /// Called in a forked child: leaves the loop to the parent. Both share the selector, so the
    /// child must not touch it.
    package func forgetAfterFork() {
        // Nobody runs this loop here.
        postLock.withLock {
            hasEnded = true
            posted = []
        }
        // Kept, since releasing each registration would write to it, and the child would copy its
        // page.
        unsafe registrationsOfParent = registrations
        unsafe registrations = []
        registrationCount = 0
        signalWatches = []
    }

    /// Makes the loop look at its messages, at the cost of a system call only if it sleeps.
    package func wake() {
        if sleep.exchange(Sleep.notified, ordering: .acquiringAndReleasing) == Sleep.sleeping {
            signalEventCounter(counter.number)
        }
    }

    /// Whether there are messages to run. Any thread may ask.
    package var hasMessages: Bool { postLock.withLock { !posted.isEmpty } }

    private func runPosted() {
        let batch = postLock.withLock {
            let batch = posted
            posted.removeAll(keepingCapacity: batch.count < 64)
            return batch
        }
        guard !batch.isEmpty else { return }
        around { for body in batch { body() } }
    }

    // MARK: Timers

    /// Ends `waiter`'s wait as timed out at `deadline`. Called on the loop's thread.
    package func set(_ waiter: Waiter, at deadline: Deadline) {
        let timer = waiter.timer
        unsafe timer.prepare(context: waiter.address) { context in
            let waiter = unsafe Waiter(address: context)
            if waiter.settle(.timedOut) { waiter.unpark() }
        }
        wheel.set(timer, at: deadline)
    }

    package func cancel(_ waiter: Waiter) { wheel.cancel(waiter.timer) }
    package func set(_ timer: Timer, at deadline: Deadline) { wheel.set(timer, at: deadline) }
    package func cancel(_ timer: Timer) { wheel.cancel(timer) }

    /// Reads the clock.
    @discardableResult
    package func updateNow() -> Deadline {
        unsafe present = clock()
        return now
    }

    /// How many timers wait to fire. Called on the loop's thread.
    public var timerCount: Int {
        checkThread("Loop.timerCount")
        return wheel.count
    }

    /// Fires the timers that are due. Returns whether there was one.
    private func fireTimers() -> Bool {
        unsafe present = clock()
        wheel.advance(to: now.nanoseconds)
        var hasFired = false
        while let timer = wheel.popDue() {
            hasFired = true
            timer.fire()
        }
        return hasFired
    }

    // MARK: Descriptors

    /// Makes a descriptor known to the loop. Called on the loop's thread.
    ///
    /// - Throws: `SystemError`: EPERM for a regular file, ENOSPC or ENOMEM at the system's limits.
    package func register(_ descriptor: Int32) throws(SystemError) -> Registration {
        checkThread("waiting for a descriptor")
        epoch &+= 1
        let token = UInt64(epoch) << 32 | UInt64(UInt32(descriptor))
        let registration = Registration(descriptor: descriptor, token: token, loop: self)
        let usesEdge = selector.supportsEdge
        try selector.register(
            descriptor, interest: usesEdge ? .readable : [], mode: usesEdge ? .edge : .level,
            token: token)
        let index = Int(descriptor)
        while unsafe registrations.count <= index { unsafe registrations.append(nil) }
        unsafe registrations[index] = registration
        registrationCount += 1
        return registration
    }

    /// Changes what the selector watches for.
    func watch(_ registration: Registration, _ interest: Readiness) throws(SystemError) {
        try selector.modify(
            registration.descriptor, interest: interest,
            mode: selector.supportsEdge ? .edge : .level, token: registration.token)
    }

    var usesEdge: Bool { selector.supportsEdge }

    /// Forgets a descriptor. Its waiters wake and find it closed.
    ///
    /// - Parameter willClose: Whether the caller closes the descriptor right after. Closing takes
    ///   it out of epoll, without a system call for that.
    package func unregister(_ registration: Registration, willClose: Bool) {
        let index = Int(registration.descriptor)
        guard unsafe index < registrations.count, unsafe registrations[index] === registration
        else { return }
        unsafe registrations[index] = nil
        registrationCount -= 1
        if !willClose || !selector.supportsEdge {
            // This fails only for a descriptor that is gone already, which is just as good.
            try? selector.unregister(registration.descriptor)
        }
        registration.close()
    }
}

extension Loop: SleepingThread {
    // .acquiring pairs with the exchange in wake().
    package var isWoken: Bool { sleep.load(ordering: .acquiring) == Sleep.notified }
    package var waits: [WaitSnapshot] { waitsOfStrands() }
}
