public import PlaitParking
internal import PlaitPlatform

/// A thread that `spawn` started.
@usableFromInline
final class SpawnedThread: ThreadStrand, @unchecked Sendable {
    // Sendable: `body` is the thread's, which alone calls it.
    private var body: ((Strand) -> Void)?

    private init(name: String?, isDaemon: Bool, body: @escaping (Strand) -> Void) {
        self.body = body
        super.init(name: name, isDaemon: isDaemon)
    }

    deinit {
        if let error = unobservedError { UncaughtErrors.report(error, of: self) }
    }

    /// - Parameter body: Keeps its result in the strand that it is given.
    @usableFromInline
    static func start(
        _ name: String?, _ isDaemon: Bool, _ stackSize: Int?, _ body: @escaping (Strand) -> Void
    ) -> SpawnedThread {
        let thread = SpawnedThread(name: name, isDaemon: isDaemon, body: body)
        HubRegistry.add(thread)
        do throws(SystemError) {
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
        enterThread()
        body.take()?(self)
        Hub.leaveThread()
        end()
        leaveThread()
    }

    private func end() {
        HubRegistry.remove(self)
        finish()
    }
}
