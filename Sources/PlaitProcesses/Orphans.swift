internal import PlaitPlatform
internal import Synchronization

/// Children that run on while nobody in this program refers to them any more.
///
/// Their status is taken when the next child is started, so that there are at most as many zombies as
/// there were dropped children since.
enum Orphans {
    private static let pids = Mutex<[Int32]>([])

    static func adopt(_ pid: Int32) { pids.withLock { $0.append(pid) } }

    static func reap() {
        pids.withLock { pids in pids.removeAll { Processes.isReaped($0) } }
    }

    /// In a forked child, whose siblings they are.
    static func forget() { pids.withLock { $0 = [] } }
}
