internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import Synchronization
internal import SystemPackage

/// Two threads of a child want at once what the Swift runtime and the standard library guard by the
/// thread's number: the child has to know its own.
enum Contend: ProcessFunction {
    /// Locked by the parent before it forks, so that it has looked up its thread's number.
    private static let counter = Mutex(0)
    /// While one thread makes it, another wants it.
    private static let made: Int = {
        _ = startBlocked { _ = made }
        return 4
    }()

    static func prepare() { counter.withLock { $0 = 0 } }

    static func run(_ number: Int) throws -> Int {
        let lazily = made
        let handle = counter.withLock { counter in
            counter += number
            return startBlocked { self.counter.withLock { $0 += 1 } }
        }
        try handle.join()
        return lazily + counter.withLock { $0 }
    }

    /// Starts a thread, and returns when it sleeps in `wait`.
    private static func startBlocked(_ wait: @escaping @Sendable () -> Void) -> JoinHandle<Void> {
        let thread = Shared(0)
        let handle = spawn(.thread) {
            thread.number.store(kernelThreadID(), ordering: .releasing)
            wait()
        }
        while !isAsleep(thread.number.load(ordering: .acquiring)) { yieldThread() }
        return handle
    }

    private final class Shared: Sendable {
        let number: Atomic<Int32>
        init(_ number: Int32) { self.number = Atomic(number) }
    }

    /// Whether the system says that the thread sleeps.
    private static func isAsleep(_ thread: Int32) -> Bool {
        guard thread != 0,
            let file = unsafe try? FileDescriptor.open("/proc/self/task/\(thread)/stat", .readOnly)
        else { return false }
        defer { try? file.close() }
        var text = [UInt8](repeating: 0, count: 256)
        let count = unsafe text.withUnsafeMutableBytes { unsafe (try? file.read(into: $0)) ?? 0 }
        // Its number, its name in parentheses, its state.
        let state = text.prefix(count).split(separator: UInt8(ascii: ")")).last?.dropFirst().first
        return state == UInt8(ascii: "S")
    }
}

/// What the runtime takes for the main thread.
enum BeMain: ProcessFunction {
    static func run(_ number: Int) throws -> Int { MainActor.assumeIsolated { number + 1 } }
}
