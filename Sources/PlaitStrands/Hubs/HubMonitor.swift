internal import Logging
internal import PlaitPlatform
internal import Synchronization

/// Reports code that keeps a hub from making progress. A fiber that computes for long, or blocks
/// its thread in a call that does not park, keeps all other fibers of the thread waiting.
///
/// The monitor is off until the program starts it or the environment asks for it
/// (`PLAIT_HUB_MONITOR`). One thread then looks at all hubs twice within the limit. If two looks
/// find a hub at the same turn, and the turn has lasted as long as the limit, the monitor reports
/// it. To copy the stack, it stops the hub's thread for some microseconds by a signal (see
/// ``start(limit:report:)``). It reports the same turn again when it has lasted twice as long as at
/// the last report.
///
/// The monitor does not report hubs that wait for events, fibers that switch, however busy they
/// are, threads without a hub, or a thread whose own code runs while none of its fibers is ready.
/// It does report a thread that computes while its fibers are ready, since it starves them.
///
/// The monitor costs nothing on a switch: hubs count their turns anyway.
/// - Source: gevent's monitoring thread (`GEVENT_MONITOR_THREAD_ENABLE`, `max_blocking_time`).
public enum HubMonitor {
    private static let watcher = Guarded<HubWatcher?>(nil)
    private static let count = Atomic<Int>(0)
    private static let logger = Logger(label: "plait.hubs")

    /// Starts the monitor, and replaces one that runs already. Any thread may call it.
    ///
    /// To look at a blocked thread, the monitor interrupts it by the signal SIGRTMIN + 6. A call
    /// that Linux does not restart, such as `nanosleep` or `poll`, then returns early; Plait's own
    /// calls go on. Stop the monitor before a fork, which needs a process with one thread.
    /// - Parameters:
    ///   - limit: How long one turn of a hub may take; more than zero. The report comes when the
    ///     turn has lasted 1 to 1.5 times as long.
    ///   - report: Called on the monitor's thread, which waits for it to return before it looks on.
    ///     Nil logs a warning with the label `plait.hubs`.
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

    /// Ends the monitor, if one runs, and waits for its thread to end. Nothing is reported after
    /// that.
    ///
    /// Blocks the calling thread or parks the calling fiber, for the time of a report at most. If
    /// `report` itself calls it, it does not wait: the monitor ends when `report` returns.
    /// - Source: gevent's `PeriodicMonitoringThread.kill`.
    @available(*, noasync)
    public static func stop() { replace(with: nil)?.stop() }

    /// As the other form, suspending the calling task.
    public static func stop() async { await replace(with: nil)?.stop() }

    /// Whether the monitor runs.
    public static var isRunning: Bool { watcher.withLock { $0 != nil } }

    /// How many reports the monitor has made since the program started.
    public static var reports: Int { count.load(ordering: .relaxed) }

    /// Starts the monitor with the first hub if the environment has `PLAIT_HUB_MONITOR`, the limit
    /// in milliseconds.
    static let startIfAsked: Void = {
        guard let text = environmentVariable("PLAIT_HUB_MONITOR") else { return }
        guard let limit = Int(text), limit > 0 else {
            logger.warning("PLAIT_HUB_MONITOR is \(text): give milliseconds, more than 0")
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
