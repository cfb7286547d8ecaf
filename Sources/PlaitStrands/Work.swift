internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// What a strand is to do, and then its result.
struct Work<Success: Sendable>: ~Copyable {
    private var body: (() throws -> Success)?
    /// Written by the strand before its completion, read by others after it.
    private(set) var result: Result<Success, any Error>?
    private let isObserved = Atomic<Bool>(false)

    init(_ body: @escaping () throws -> Success) { self.body = body }

    /// The body, to be called once; what it captured goes with it.
    mutating func takeBody() -> (() throws -> Success)? { body.take() }

    mutating func finish(_ result: Result<Success, any Error>) {
        body = nil
        self.result = result
    }

    mutating func dropResult(of strand: Strand) {
        reportUnobserved(by: strand)
        result = nil
    }

    /// The result, for someone who joined: its error is not reported then.
    borrowing func observe(_ strand: Strand) -> Result<Success, any Error> {
        guard let result else {
            preconditionFailure("strand \(strand.name) was joined before it ended")
        }
        if case .failure = result { isObserved.store(true, ordering: .relaxed) }
        return result
    }

    /// Reports an error that nobody has seen and nobody can see any more.
    borrowing func reportUnobserved(by strand: Strand) {
        if case .failure(let error) = result, !isObserved.load(ordering: .relaxed) {
            // Being cancelled is how a strand that nobody joins is meant to end.
            if error is CancellationError && strand.isCancelled { return }
            UncaughtErrors.report(error, of: strand)
        }
    }
}

/// A strand with a result.
protocol ResultHolder<Success>: AnyObject, Sendable {
    associatedtype Success: Sendable
    var strand: Strand { get }
    /// After it has ended.
    func result() -> Result<Success, any Error>
}

final class FiberOf<Success: Sendable>: Fiber, ResultHolder, @unchecked Sendable {
    // Sendable: `work` is the fiber's until it has ended, then constant.
    private var work: Work<Success>

    init(
        hub: Hub, number: UInt64, name: String?, isDaemon: Bool, stackSize: Int,
        work: consuming Work<Success>
    ) {
        self.work = work
        super.init(hub: hub, number: number, name: name, isDaemon: isDaemon, stackSize: stackSize)
    }

    deinit { work.reportUnobserved(by: self) }

    var strand: Strand { self }

    override func run() {
        guard let body = work.takeBody() else { return }
        work.finish(Result(catching: body))
    }

    override func fail(_ error: any Error) { work.finish(.failure(error)) }

    override func dropUnreachableResult() { work.dropResult(of: self) }

    func result() -> Result<Success, any Error> { work.observe(self) }
}

extension Hub {
    func spawn<Success: Sendable>(
        _ name: String?, _ isDaemon: Bool, _ stackSize: Int?, _ work: consuming Work<Success>
    ) -> JoinHandle<Success> {
        let fiber = FiberOf(
            hub: self, number: isCurrent ? nextNumber() : StrandNumber.reserve(), name: name,
            isDaemon: isDaemon, stackSize: stackSize ?? pool.stackSize, work: work)
        start(fiber)
        return JoinHandle(fiber)
    }
}

final class ThreadOf<Success: Sendable>: ThreadStrand, ResultHolder, @unchecked Sendable {
    // Sendable: `work` is the thread's until it has ended, then constant.
    private var work: Work<Success>

    private init(name: String?, isDaemon: Bool, work: consuming Work<Success>) {
        self.work = work
        super.init(name: name, isDaemon: isDaemon)
    }

    deinit { work.reportUnobserved(by: self) }

    var strand: Strand { self }

    static func start(
        _ name: String?, _ isDaemon: Bool, _ stackSize: Int?, _ work: consuming Work<Success>
    ) -> JoinHandle<Success> {
        let thread = ThreadOf(name: name, isDaemon: isDaemon, work: work)
        HubRegistry.add(thread)
        do throws(SystemError) {
            try startThread(name: thread.name, stackSize: stackSize) { thread.live() }
        } catch {
            thread.finish(.failure(error))
        }
        return JoinHandle(thread)
    }

    private func live() {
        holdBackThreadInterrupt()
        enterThread()
        let result = work.takeBody().map { Result(catching: $0) }
        Hub.leaveThread()
        if let result { finish(result) }
        leaveThread()
    }

    private func finish(_ result: Result<Success, any Error>) {
        work.finish(result)
        HubRegistry.remove(self)
        completion.finish()
    }

    func result() -> Result<Success, any Error> { work.observe(self) }
}
