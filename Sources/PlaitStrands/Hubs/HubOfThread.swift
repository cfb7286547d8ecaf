internal import PlaitLoop
internal import PlaitParking
public import PlaitPlatform
public import PlaitSelectors

extension Hub {
    /// The calling thread's hub, which is made if there is none.
    ///
    /// Ends the program if the system gives no descriptors for the hub; see
    /// ``make(selector:options:)``.
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
    package static var ofThread: Hub? { unsafe referenceOfThread?.takeUnretainedValue() }

    /// The same, unretained: valid only while the calling strand runs.
    @inline(__always)
    @inlinable package static var referenceOfThread: Unmanaged<Hub>? {
        guard let hub = unsafe ThreadCell.current.hub else { return nil }
        return unsafe .fromOpaque(hub)
    }

    /// The options of a hub.
    public struct Options: Sendable {
        /// The address space of a fiber's stack in bytes, unless its `spawn` says otherwise.
        public var stackSize = Hub.defaultStackSize
        /// Protects stacks as on a kernel before 6.13.
        package var withoutGuardMarkers = false

        public init() {}
    }

    /// 1 MiB of address space.
    public static let defaultStackSize = 1_048_576

    /// Makes the calling thread's hub with the given selector and options.
    ///
    /// Traps if the thread has a hub already.
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
        ProgramEnd.arm()
        // The thread owns the hub; see leaveThread().
        unsafe cell.hub = Unmanaged.passRetained(hub).toOpaque()
        HubRegistry.add(hub)
        _ = HubMonitor.startIfAsked
        return hub
    }

    /// Whether this is the calling thread's hub.
    @inline(__always)
    var isCurrent: Bool {
        unsafe ThreadCell.current.hub == Unmanaged.passUnretained(self).toOpaque()
    }

    /// Ends the calling thread's hub. Cancels its daemon fibers, then waits for all its fibers.
    static func leaveThread() {
        guard let pointer = unsafe ThreadCell.current.hub else { return }
        let reference = unsafe Unmanaged<Hub>.fromOpaque(pointer)
        let hub = unsafe reference.takeUnretainedValue()
        repeat {
            hub.endFibers()
            hub.round(mayBlock: false)
        } while unsafe !hub.alive.isEmpty || !hub.loop.end()
        HubRegistry.remove(hub)
        hub.root.engine = nil
        hub.root.atExit = nil
        unsafe ThreadCell.current.hub = nil
        unwatchStackOverflow()
        unsafe reference.release()
    }

    /// Leaves the forked child of a single-threaded program without a hub. The child has neither
    /// the parent's fibers nor the parent's actions at the end of the program. The thread's own
    /// strand calls it first in the child.
    package static func forgetAfterFork() {
        ForkedChild.begin()
        ProgramEnd.forgetAfterFork()
        guard let pointer = unsafe ThreadCell.current.hub else { return }
        let hub = unsafe Unmanaged<Hub>.fromOpaque(pointer).takeUnretainedValue()
        demand(
            unsafe ThreadCell.current.stack == nil,
            "fork in fiber \(Strand.current.name): fork from the thread's own strand")
        hub.loop.forgetAfterFork()
        unsafe hub.alive.forEach { $0.leaveQueues() }
        HubRegistry.remove(hub)
        hub.root.engine = nil
        // Kept, together with what the parent's fibers own: the child must not take it apart.
        unsafe ThreadCell.current.hub = nil
    }

    private func endFibers() {
        while true {
            let fibers = self.fibers
            if fibers.isEmpty { return }
            let alive = fibers.filter(\.isAlive)
            guard let first = alive.first else {
                // A fiber whose body has ended may not have left its stack yet. It is releasing its
                // result, or it has called exit() and the program ends before the thread.
                round(mayBlock: true)
                continue
            }
            if let fiber = alive.first(where: { !$0.isDaemon }) {
                fiber.joinUncancellably()
            } else {
                // A daemon may catch its cancellation and wait again, so cancel it until it ends.
                for fiber in alive { fiber.cancel() }
                first.joinUncancellably(until: Deadline(within: .milliseconds(1)))
            }
        }
    }
}
