internal import Glibc
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import Synchronization

/// Two threads of a child want at once what the Swift runtime and the standard library guard by the thread's
/// number: the child has to know its own.
enum Contend: ProcessFunction {
    /// Locked by the parent before it forks, so that it has looked up its thread's number.
    private static let counter = Mutex(0)
    /// While one thread makes it, another wants it.
    private static let made: Int = {
        startOther { _ = made }
        return 4
    }()

    static func prepare() { counter.withLock { $0 = 0 } }

    static func run(_ number: Int) throws -> Int {
        let lazily = made
        let handle = counter.withLock { counter in
            counter += number
            return spawn(.thread) { self.counter.withLock { $0 += 1 } }.letWait()
        }
        try handle.join()
        return lazily + counter.withLock { $0 }
    }

    /// Begins it, and gives it the time to get as far as it can.
    private static func startOther(_ body: @escaping @Sendable () -> Void) {
        _ = spawn(.thread, body).letWait()
    }
}

/// What the runtime takes for the main thread.
enum BeMain: ProcessFunction {
    static func run(_ number: Int) throws -> Int { MainActor.assumeIsolated { number + 1 } }
}

extension JoinHandle {
    /// Returns when the thread sleeps, in the system or in a lock.
    fileprivate func letWait() -> Self {
        usleep(20_000)
        return self
    }
}
