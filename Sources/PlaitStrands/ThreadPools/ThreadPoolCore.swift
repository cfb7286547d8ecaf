internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// The part of a ``ThreadPool`` that its workers share. Each worker keeps it alive. The pool itself
/// lives as long as its users refer to it, and its end lets the idle workers go.
final class ThreadPoolCore: FutureOwner, @unchecked Sendable {
    // Sendable: `guardLock` guards `state`, `strands`, `started`, `debt` and `cancelled`; the rest
    // is constant.

    /// The pool's name. Its workers are called by this name, `-` and a number from 0.
    let name: String
    let idleLimit: Duration
    let stackSize: Int?
    let initializer: (@Sendable () throws -> Void)?
    /// Each permit lets a caller bring one piece of work before other work is done.
    let places: CountingSemaphore
    /// Set when the pool is closed and its last worker has ended.
    let ended = Event()
    let guardLock = ShortLock()
    var state: PoolState<WaiterStack, PoolWork>
    /// All workers that are alive, and some that have ended.
    var strands: [Strand] = []
    /// How many workers have been started so far.
    var started = 0
    /// How many permits were not free when ``workers`` was lowered. That many are not given back.
    var debt = 0
    /// How many pieces of work were cancelled since the queue was last cleared of cancelled work.
    var cancelled = 0

    init(
        workers: Int, queueCapacity: Int, name: String, idleLimit: Duration, stackSize: Int?,
        initializer: (@Sendable () throws -> Void)?
    ) {
        self.name = name
        self.idleLimit = idleLimit
        self.stackSize = stackSize
        self.initializer = initializer
        state = PoolState(limit: workers)
        // Half of the range leaves room for any number of workers.
        places = CountingSemaphore(permits: workers + min(queueCapacity, .max / 2))
    }

    var statistics: ThreadPool.Statistics {
        guardLock.withLock {
            ThreadPool.Statistics(
                threads: state.threads, idle: state.threads - state.working,
                queued: state.items.count { !$0.isDone }, running: state.working,
                completed: state.completed)
        }
    }

    var workers: Int { guardLock.withLock { state.limit } }

    // MARK: Ending

    @available(*, noasync)
    func shutDown(wait: Bool = true, cancellingQueued: Bool = false) {
        close(cancellingQueued: cancellingQueued)
        guard wait else { return }
        demand(!isWorker(.current), "worker \(Strand.current.name) waits for its own pool to end")
        ended.waitUncancellably()
        for strand in workerStrands { strand.joinUncancellably() }
    }

    func shutDown(wait: Bool, cancellingQueued: Bool) async {
        close(cancellingQueued: cancellingQueued)
        guard wait else { return }
        await ended.waitUncancellably()
        for strand in workerStrands { await strand.joinUncancellably() }
    }

    /// Lets the pool finish its work, at the end of the program.
    ///
    /// A worker that ends the program does not come back. Work that the other workers cannot do is
    /// cancelled.
    func finishAtProgramEnd() {
        let own = kernelThreadID()
        guard let ending = workerStrands.first(where: { $0.nativeID == own }) else {
            return shutDown()
        }
        close(cancellingQueued: false)
        for strand in workerStrands where strand !== ending { strand.joinUncancellably() }
        close(cancellingQueued: true)
    }
}
