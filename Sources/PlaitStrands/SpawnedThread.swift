public import PlaitParking
internal import PlaitPlatform

/// A thread that `spawn` started.
@usableFromInline
final class SpawnedThread: ThreadStrand, @unchecked Sendable {
    // Sendable: `body` is the thread's, which alone calls it.
    private var body: ((Strand) -> Void)?
    private let options: ThreadOptions

    private init(_ plan: ThreadPlan, body: @escaping (Strand) -> Void) {
        self.body = body
        options = plan.options
        super.init(name: plan.name, isDaemon: plan.isDaemon)
    }

    deinit {
        if let error = unobservedError { UncaughtErrors.report(error, of: self) }
    }

    /// - Parameter body: Keeps its result in the strand that it is given.
    @usableFromInline
    static func start(
        _ plan: ThreadPlan, _ body: @escaping (Strand) -> Void
    ) -> SpawnedThread {
        ProgramEnd.arm()
        let thread = SpawnedThread(plan, body: body)
        ThreadRegistry.add(thread)
        do throws(SystemError) {
            let stackSize = plan.stackSize ?? ThreadOptions.defaultStackSize
            try startThread(name: thread.name, stackSize: stackSize) { thread.live() }
        } catch {
            thread.body = nil
            thread.keepError(error)
            thread.end()
        }
        return thread
    }

    private func live() {
        holdBackThreadInterrupt()
        allowThreadSamples()
        enterThread()
        do throws(SystemError) {
            try options.apply(to: self)
            body.take()?(self)
        } catch {
            body = nil
            keepError(error)
        }
        endLocals()
        Hub.leaveThread()
        leaveThread()
        end()
    }

    private func end() {
        ThreadRegistry.remove(self)
        finish()
    }
}

/// What `spawn` was asked for.
@usableFromInline
struct ThreadPlan {
    let name: String?
    let isDaemon: Bool
    let stackSize: Int?
    let options: ThreadOptions

    @usableFromInline
    init(
        _ name: String?, _ isDaemon: Bool, _ stackSize: Int?,
        _ options: ThreadOptions = ThreadOptions()
    ) {
        self.name = name
        self.isDaemon = isDaemon
        self.stackSize = stackSize
        self.options = options
    }
}
