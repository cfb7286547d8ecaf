public import PlaitParking
public import PlaitPlatform

extension Strand {
    /// Waits for `duration`; zero or less only lets others run.
    ///
    /// Blocks the calling thread or parks the calling fiber. Ends never early, on an idle hub at
    /// most a tick (66 µs) late.
    /// - Throws: `CancellationError` when the strand is cancelled.
    @available(*, noasync)
    public static func sleep(for duration: Duration) throws(CancellationError) {
        try sleep(until: Deadline(within: duration))
    }

    /// Waits until `deadline` has passed.
    @available(*, noasync)
    public static func sleep(until deadline: Deadline) throws(CancellationError) {
        if deadline == .immediate {
            yield()
            return
        }
        _ = try Parking.block(
            on: WaitTarget("Strand.sleep"), until: deadline, enrol: { _ in true },
            withdraw: { _ in }
        ).wasWoken()
    }

    /// Lets other strands run: the hub's ready fibers, before a fiber; another thread, before a
    /// thread. Returns at once where there are none.
    @available(*, noasync)
    public static func yield() {
        Hub.yield()
    }

    /// The threads that are alive: the main one, those that were spawned, and those of others'
    /// making that have waited in Plait. In no order.
    /// - Source: Python's `threading.enumerate`, `threading.active_count`.
    public static var threads: [Strand] {
        let known: [Strand] = ThreadRegistry.all
        return !main.isAlive || known.contains { $0 === main } ? known : known + [main]
    }

    /// All strands that are alive: ``threads``, and fibers.
    ///
    /// Blocks the calling thread or parks the calling fiber until the other hubs have answered, or
    /// `limit` has passed: a hub that computes answers no sooner, and its fibers are left out then.
    /// - Source: Python's `threading.enumerate`.
    @available(*, noasync)
    public static func all(within limit: Duration = .milliseconds(100)) -> [Strand] {
        threads + HubRegistry.collect(within: limit) { $0.fibers }
    }

    /// What strands wait for just now: the same strands and limit as ``all(within:)``.
    @available(*, noasync)
    public static func waits(within limit: Duration = .milliseconds(100)) -> [WaitSnapshot] {
        ThreadRegistry.all.compactMap(\.currentWait)
            + HubRegistry.collect(within: limit) { $0.waits }
    }
}
