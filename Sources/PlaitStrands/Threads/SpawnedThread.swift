internal import CPlaitSwitch
public import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// A thread that `spawn` started.
@usableFromInline
final class SpawnedThread: ThreadStrand, @unchecked Sendable {
    // Sendable: only the thread uses `body`.
    private var body: ((Strand) -> Void)?
    private let options: ThreadOptions
    /// The task-local values of the strand that started the thread.
    private let bindings: TaskBindings?

    private init(_ plan: ThreadPlan, body: @escaping (Strand) -> Void) {
        self.body = body
        options = plan.options
        plait_words_prepare()
        bindings = .captured()
        super.init(name: plan.name, isDaemon: plan.isDaemon)
    }

    deinit {
        if let error = unobservedError { UncaughtErrors.report(error, of: self) }
    }

    /// - Parameter body: Runs on the thread, and keeps its result in the strand that it gets.
    @usableFromInline
    static func start(
        _ plan: ThreadPlan, _ body: @escaping (Strand) -> Void
    ) -> SpawnedThread {
        ProgramEnd.arm()
        let thread = SpawnedThread(plan, body: body)
        ThreadRegistry.add(thread)
        // The thread's own reference, for as long as it lives.
        let reference = unsafe Unmanaged.passRetained(thread)
        do throws(SystemError) {
            let stackSize = plan.stackSize ?? ThreadOptions.defaultStackSize
            try startThread(name: thread.name, stackSize: stackSize) {
                unsafe reference._withUnsafeGuaranteedRef { $0.live() }
                unsafe end(reference)
            }
        } catch {
            thread.body = nil
            thread.keepError(error)
            unsafe end(reference)
        }
        return thread
    }

    private func live() {
        allowThreadSamples()
        enterThread()
        do throws(SystemError) {
            try options.apply(to: self)
            runBody()
        } catch {
            body = nil
            keepError(error)
        }
        endLocals()
        Hub.leaveThread()
        leaveThread()
    }

    private func runBody() {
        guard let body = body.take() else { return }
        if let bindings {
            bindings.perform { body(self) }
        } else {
            body(self)
        }
    }

    private static func end(_ reference: Unmanaged<SpawnedThread>) {
        EndingThreads.enter()
        unsafe reference._withUnsafeGuaranteedRef { thread in
            ThreadRegistry.remove(thread)
            thread.finish()
        }
        // If nobody else has a reference, the thread's error is reported now.
        unsafe reference.release()
        EndingThreads.leave()
    }
}

/// Threads that have ended but may still have to report an error. The end of the program waits for
/// them.
enum EndingThreads {
    private static let guardLock = ShortLock()
    /// The events that are set when the threads are gone, by the kernel's numbers. Guarded by the
    /// lock.
    nonisolated(unsafe) private static var threads: [Int32: Event] = [:]

    fileprivate static func enter() {
        let isGone = Event()
        guardLock.withLock { unsafe threads[kernelThreadID()] = isGone }
    }

    fileprivate static func leave() {
        let isGone = guardLock.withLock { unsafe threads.removeValue(forKey: kernelThreadID()) }
        isGone?.set()
    }

    /// Waits for the threads that there are now.
    static func wait() {
        // The handler of this thread's error may be what ends the program.
        leave()
        let present = guardLock.withLock { unsafe Array(threads.values) }
        for isGone in present { isGone.waitUncancellably() }
    }
}

/// The options of a `spawn`.
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
