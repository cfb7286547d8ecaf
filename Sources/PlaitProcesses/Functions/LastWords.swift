internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// Forwards a child's standard error to this program's own, and keeps the end of it.
final class LastWords: @unchecked Sendable {
    // Sendable: `lock` guards `tail` and `hasEnded`.
    private let descriptor: PolledDescriptor
    private let lock = Lock(onDeadlock: .off)
    private var tail: [UInt8] = []
    private var hasEnded = false

    /// Takes over the non-blocking end of a pipe.
    init(owning number: Int32) { descriptor = PolledDescriptor(owning: number) }

    /// Reads the stream on a fiber of ``ChildService``.
    func follow() throws {
        // If that fiber cannot start, the stream is read at the child's end.
        try ChildService.begin("standard error", orElse: { _ in }) {
            while true {
                switch self.take() {
                case .all: _ = try self.descriptor.wait(for: .readable, until: .never)
                // A child that writes without pause must not keep this thread for itself.
                case .some: Strand.yield()
                case .last: return
                }
            }
        }
    }

    /// The end of what the child has written; complete once the child has ended.
    func read() -> [UInt8] {
        _ = take()
        return lock.withLock { tail }
    }

    private enum Taken {
        /// As much as a pipe holds, since processes that the child has left behind may write for
        /// ever.
        case some
        /// All that was there.
        case all
        /// All that will ever come.
        case last
    }

    /// Reads all that is there now.
    private func take() -> Taken {
        lock.withLock {
            var rest = 1 << 16
            while !hasEnded {
                guard rest > 0 else { return .some }
                guard let bytes = next() else { return .all }
                if bytes.isEmpty { hasEnded = true }
                ErrorRelay.write(bytes)
                tail = (tail + bytes).suffix(8_192)
                rest -= bytes.count
            }
            return .last
        }
    }

    /// Reads the next bytes. Returns nil when there are none now, and an empty array at the end.
    private func next() -> [UInt8]? {
        var attempt = Attempt.wouldBlock
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4_096) { buffer, count in
            let memory = UnsafeMutableRawBufferPointer(buffer)
            attempt = unsafe Pipes.read(descriptor.number, into: memory)
            if case .done(let result) = attempt { count = result }
        }
        switch attempt {
        case .done: return bytes
        case .wouldBlock: return nil
        case .failed: return []
        }
    }
}
