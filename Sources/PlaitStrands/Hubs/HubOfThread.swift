internal import PlaitLoop
internal import PlaitParking
public import PlaitPlatform
public import PlaitSelectors

extension Hub {
    /// The calling thread's hub, made if it has none.
    ///
    /// Ends the program where the system gives no descriptors for it; see
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

    /// The same, unretained: good as long as the calling strand runs.
    @inline(__always)
    @inlinable package static var referenceOfThread: Unmanaged<Hub>? {
        guard let hub = unsafe ThreadCell.current.hub else { return nil }
        return unsafe .fromOpaque(hub)
    }

    /// How a hub is made.
    public struct Options: Sendable {
        /// Bytes of address space for a fiber's stack, unless its `spawn` says otherwise.
        public var stackSize = Hub.defaultStackSize
        /// Protects stacks as on a kernel before 6.13.
        package var withoutGuardMarkers = false

        public init() {}
    }

    /// 1 MiB of address space.
    public static let defaultStackSize = 1_048_576

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
        ProgramEnd.arm()
        // The thread owns it; see leaveThread().
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

    /// Ends the calling thread's hub: waits for its fibers, cancelling daemons first.
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

    /// Makes the forked child of a single-threaded program a program without a hub: the parent's
    /// fibers are not the child's, nor is what the parent does at its end. To be called first in
    /// the child, by the thread's own strand.
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
        // Kept, with what the parent's fibers own: it must not be taken apart here.
        unsafe ThreadCell.current.hub = nil
    }

    private func endFibers() {
        while true {
            let fibers = self.fibers
            if fibers.isEmpty { return }
            let alive = fibers.filter(\.isAlive)
            guard let first = alive.first else {
                // One that has ended but not left: it lets go of its result, or has called exit(),
                // and the program ends before the thread.
                round(mayBlock: true)
                continue
            }
            if let fiber = alive.first(where: { !$0.isDaemon }) {
                fiber.joinUncancellably()
            } else {
                // A daemon may catch its cancellation and wait again: it is told until it ends.
                for fiber in alive { fiber.cancel() }
                first.joinUncancellably(until: Deadline(within: .milliseconds(1)))
            }
        }
    }
}
