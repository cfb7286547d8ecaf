internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// The thread behind ``HubMonitor``: looks at all hubs until it is stopped.
final class HubWatcher: Sendable {
    private let limit: UInt64
    private let report: @Sendable (BlockedHub) -> Void
    private let stopping = Event()
    private let thread = Guarded<JoinHandle<Void>?>(nil)

    init(limit: Duration, report: @escaping @Sendable (BlockedHub) -> Void) {
        self.limit = limit.nanosecondsClamped
        self.report = report
    }

    // MARK: The thread

    func start() {
        thread.withLock { thread in
            thread = TaskBindings.without {
                spawn(.thread, name: HubWatcher.threadName, isDaemon: true) {
                    AllAsleep.asBystander { self.run() }
                }
            }
        }
    }

    static let threadName = "plait.monitor"

    /// Makes the thread end, without waiting for it.
    func beginStop() { stopping.set() }

    func stop() {
        beginStop()
        guard let thread = thread.withLock({ $0 }), thread.strand !== Strand.current else { return }
        thread.strand.joinUncancellably()
    }

    func stop() async {
        beginStop()
        guard let thread = thread.withLock({ $0 }) else { return }
        await thread.strand.joinUncancellably()
    }

    private func run() {
        let pause = Duration.nanoseconds(Int64(clamping: max(limit / 2, 1)))
        var watches = Watches()
        // A cancelled wait ends it too.
        while (try? stopping.wait(within: pause)) == false {
            look(at: monotonicNow(), &watches)
        }
    }

    // MARK: Looking

    /// What is known of each hub, by its address.
    typealias Watches = [ObjectIdentifier: HubWatch]

    /// Looks at all hubs and reports those whose turn has lasted too long.
    func look(at now: UInt64, _ watches: inout Watches) {
        var kept = Watches()
        for hub in HubRegistry.hubs where !stopping.isSet {
            let key = ObjectIdentifier(hub)
            var watch = watches[key] ?? HubWatch()
            let turn = hub.pulse.turn
            let isBusy =
                switch hub.pulse.phase {
                case .idle: false
                case .running: true
                case .thread: hub.hasReadyFibers
                }
            if let age = watch.look(turn: isBusy ? turn : nil, at: now, limit: limit),
                let blocked = HubWatcher.examine(hub, at: turn, age: age)
            {
                watch.noteReport(at: age)
                report(blocked)
            }
            kept[key] = watch
        }
        watches = kept
    }

    /// Stops the hub's thread and looks at it; nil if the hub has gone on meanwhile.
    private static func examine(_ hub: Hub, at turn: Int, age: UInt64) -> BlockedHub? {
        let phase = hub.pulse.phase
        let sample = ThreadSample(ofThread: hub.root.nativeID ?? 0, within: .seconds(1))
        let address = unsafe Unmanaged.passUnretained(hub).toOpaque()
        // The kernel may have given the thread's number to another thread.
        if let sample, sample.hub != UInt(bitPattern: address) { return nil }
        guard hub.pulse.turn == turn, hub.pulse.phase == phase, phase != .idle,
            unsafe HubRegistry.hub(at: address) != nil
        else {
            return nil
        }
        let occupant: BlockedHub.Occupant =
            if phase == .thread {
                .thread
            } else if let sample {
                if let number = sample.fiber {
                    .fiber(sample.fiberName ?? "\(StrandKind.fiber.rawValue)-\(number)")
                } else {
                    .callback
                }
            } else {
                .unknown
            }
        return BlockedHub(
            occupant: occupant, thread: hub.root.name,
            duration: .nanoseconds(Int64(clamping: age)), trace: sample?.trace)
    }
}
