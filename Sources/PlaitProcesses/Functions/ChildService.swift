internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import Synchronization

/// The thread that sees to children for functions: it starts them, since the system ties a parent-death
/// signal to the thread that did, hands on what they write to standard error, and takes their status.
enum ChildService {
    private static let started = OnceValue { try Hub.start(name: "plait-children") }

    static var hub: Hub {
        get throws { try started.get().hub }
    }

    /// Runs `body` on that thread, and waits for it.
    static func perform<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) throws -> Result {
        try spawn(.fiber, on: hub, name: "start", body).join()
    }
}

/// What a child says on standard error: handed on to this program's, and its end kept.
final class LastWords: Sendable {
    private let tail = Mutex<[UInt8]>([])
    private let hasEnded = Event()

    /// Takes it all in, on a fiber of ``ChildService``.
    func follow(_ pipe: PipeReader) throws {
        spawn(.fiber, on: try ChildService.hub, name: "standard error", isDaemon: true) {
            defer { self.hasEnded.set() }
            while true {
                let bytes = try pipe.read()
                if bytes.isEmpty { return }
                StandardStream.error.write(bytes)
                self.tail.withLock { $0 = Array(($0 + bytes).suffix(8_192)) }
            }
        }
    }

    /// What it said before it ended. Others that it started may hold its standard error open: then what
    /// came up to now.
    func read() throws -> [UInt8] {
        _ = try hasEnded.wait(within: .milliseconds(50))
        return tail.withLock { $0 }
    }
}
