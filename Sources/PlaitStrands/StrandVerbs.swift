public import PlaitParking
public import PlaitPlatform

extension Strand {
    /// Waits for `duration`. Zero or less only lets others run.
    ///
    /// Blocks the calling thread or parks the calling fiber. It never ends early, and on an idle
    /// hub it ends at most a tick (66 µs) late.
    /// - Throws: `CancellationError` when the strand is cancelled.
    @available(*, noasync, message: "in a task: try await Task.sleep(for:)")
    public static func sleep(for duration: Duration) throws(CancellationError) {
        try sleep(until: Deadline(within: duration))
    }

    /// Waits until `deadline` has passed.
    @available(*, noasync, message: "in a task: try await Task.sleep(until:)")
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

    /// Lets other strands run. A fiber lets the ready fibers of its hub run; a thread lets another
    /// thread run. Returns at once if there are none.
    @available(*, noasync, message: "in a task: await Task.yield()")
    public static func yield() {
        Hub.yield()
    }

    /// The threads that are alive, in no order: the main thread, spawned threads, and other threads
    /// that have waited in Plait.
    /// - Source: Python's `threading.enumerate`, `threading.active_count`.
    public static var threads: [Strand] {
        let known: [Strand] = ThreadRegistry.all
        return !main.isAlive || known.contains { $0 === main } ? known : known + [main]
    }

    /// All strands that are alive: ``threads``, and fibers.
    ///
    /// Blocks the calling thread or parks the calling fiber until all other hubs have answered or
    /// `limit` has passed. A hub whose thread computes cannot answer, and its fibers are left out
    /// then.
    /// - Source: Python's `threading.enumerate`.
    @available(*, noasync, message: "ask on a strand, such as spawn(.thread) { Strand.all() }")
    public static func all(within limit: Duration = .milliseconds(100)) -> [Strand] {
        threads + HubRegistry.collect(within: limit) { $0.fibers }
    }

    /// What strands wait for at this moment. Strands and limit are those of ``all(within:)``.
    @available(*, noasync, message: "ask on a strand, such as spawn(.thread) { Strand.waits() }")
    public static func waits(within limit: Duration = .milliseconds(100)) -> [WaitSnapshot] {
        ThreadRegistry.all.compactMap(\.currentWait)
            + HubRegistry.collect(within: limit) { $0.waits }
    }
}
