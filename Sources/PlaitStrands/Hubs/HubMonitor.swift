internal import Logging
internal import PlaitPlatform
internal import Synchronization

/// Reports whoever keeps a hub from getting on: a fiber that computes, or that blocks its thread in
/// a call which does not park, keeps all other fibers of the thread waiting.
///
/// Off until it is started, or the environment asks for it (`PLAIT_HUB_MONITOR`). One thread then
/// looks at all hubs twice within the limit. One that has been at the same turn, in two looks and
/// for as long as the limit, is stopped for some microseconds, so that its stack can be copied (by
/// a signal: see ``start(limit:report:)``), and reported; again when the turn has lasted twice as
/// long as at the last report.
///
/// Not reported are: hubs that wait for events; fibers that switch, however busy they are; threads
/// that have no hub, whatever they do; and a thread whose own code runs while none of its fibers is
/// ready. A thread that computes while its fibers are ready starves them, and is reported.
///
/// Hubs pay nothing on a switch but the turn's number, which they count anyway.
/// - Source: gevent's monitoring thread (`GEVENT_MONITOR_THREAD_ENABLE`, `max_blocking_time`).
public enum HubMonitor {
    private static let watcher = Guarded<HubWatcher?>(nil)
    private static let count = Atomic<Int>(0)
    private static let logger = Logger(label: "plait.hubs")

    /// Starts the monitor, in place of one that runs already. Any thread.
    ///
    /// A look at a blocked thread interrupts it by the signal SIGRTMIN + 6. A call that Linux does
    /// not restart, such as `nanosleep` or `poll`, returns early then; Plait's own calls go on.
    /// Stop the monitor before a fork, which wants the process to have one thread.
    /// - Parameters:
    ///   - limit: How long one turn of a hub may take; more than zero. A report comes after one to
    ///     one and a half times as long.
    ///   - report: Called on the monitor's thread, which looks no further until it returns; nil
    ///     logs a warning with the label `plait.hubs`.
    /// - Source: gevent's `Hub.start_periodic_monitoring_thread`.
    public static func start(
        limit: Duration = .milliseconds(100), report: (@Sendable (BlockedHub) -> Void)? = nil
    ) {
        demand(limit > .zero, "HubMonitor.start with limit \(limit): it must be more than zero")
        let new = HubWatcher(limit: limit) { blocked in
            count.wrappingAdd(1, ordering: .relaxed)
            if let report {
                report(blocked)
            } else {
                logger.warning("\(blocked.description)")
            }
        }
        replace(with: new)?.beginStop()
        new.start()
    }

    /// Ends the monitor, if one runs, and waits for its thread to end: nothing of it is left, and
    /// nothing is reported afterwards.
    ///
    /// Blocks the calling thread or parks the calling fiber, for the time of a report at most.
    /// Called by `report` itself, it does not wait: the monitor ends when that returns.
    /// - Source: gevent's `PeriodicMonitoringThread.kill`.
    @available(*, noasync)
    public static func stop() { replace(with: nil)?.stop() }

    /// As the other form, suspending the calling task.
    public static func stop() async { await replace(with: nil)?.stop() }

    /// Whether it was started and not stopped.
    public static var isRunning: Bool { watcher.withLock { $0 != nil } }

    /// How many reports were made since the program started.
    public static var reports: Int { count.load(ordering: .relaxed) }

    /// Starts it with the first hub, where the environment has `PLAIT_HUB_MONITOR`, the limit in
    /// milliseconds.
    static let startIfAsked: Void = {
        guard let text = environmentVariable("PLAIT_HUB_MONITOR") else { return }
        guard let limit = Int(text), limit > 0 else {
            logger.warning("PLAIT_HUB_MONITOR is \(text): it wants milliseconds, more than 0")
            return
        }
        if !isRunning { start(limit: .milliseconds(limit)) }
    }()

    private static func replace(with new: HubWatcher?) -> HubWatcher? {
        watcher.withLock { watcher in
            let before = watcher
            watcher = new
            return before
        }
    }
}
