internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// Writes the children's standard error to this program's own.
///
/// Nothing waits for the reader. The relay keeps up to 64 KiB that the stream does not take at
/// once, and tries again. It drops and counts further bytes.
enum ErrorRelay {
    fileprivate static let most = 1 << 16

    fileprivate struct State {
        var waiting: [UInt8] = []
        var dropped = 0
        /// Whether a fiber is trying again.
        var isRetried = false
    }

    private static let lock = Lock(name: "standard error", onDeadlock: .off)
    /// Guarded by `lock`.
    nonisolated(unsafe) private static var state = State()

    /// Writes `bytes` now, or soon.
    static func write(_ bytes: [UInt8]) {
        let mustRetry = lock.withLock {
            unsafe state.add(bytes)
            unsafe state.flush()
            if unsafe state.waiting.isEmpty || state.isRetried { return false }
            unsafe state.isRetried = true
            return true
        }
        guard mustRetry else { return }
        do {
            try ChildService.begin("standard error", orElse: { _ in stopRetrying() }) { retry() }
        } catch {
            // The next output of a child tries again.
            stopRetrying()
        }
    }

    /// Tries a last time, for 100 ms, at the program's end.
    static func finish() {
        let deadline = Deadline(within: .milliseconds(100))
        while !flushed(), deadline.remaining != .zero { try? Strand.sleep(for: .milliseconds(5)) }
    }

    private static func retry() {
        var pause = 5
        while !flushed() {
            try? Strand.sleep(for: .milliseconds(pause))
            pause = min(2 * pause, 100)
        }
    }

    private static func flushed() -> Bool {
        lock.withLock {
            unsafe state.flush()
            let isDone = unsafe state.waiting.isEmpty
            if isDone { unsafe state.isRetried = false }
            return isDone
        }
    }

    private static func stopRetrying() { lock.withLock { unsafe state.isRetried = false } }
}

extension ErrorRelay.State {
    fileprivate mutating func add(_ bytes: [UInt8]) {
        if waiting.count + bytes.count > ErrorRelay.most {
            dropped += bytes.count
            return
        }
        if dropped > 0 {
            waiting += Array("plait: \(dropped) bytes that children wrote were dropped\n".utf8)
            dropped = 0
        }
        waiting += bytes
    }

    fileprivate mutating func flush() {
        var written = 0
        while written < waiting.count {
            switch StandardStream.error.writeNow(waiting[written...].prefix(4_096)) {
            case .done(let count): written += count
            case .wouldBlock:
                waiting.removeFirst(written)
                return
            case .failed:
                // Nobody reads the stream any more.
                waiting = []
                return
            }
        }
        waiting = []
    }
}
