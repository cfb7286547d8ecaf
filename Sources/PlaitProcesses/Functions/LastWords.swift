internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// What a child says on standard error: handed on to this program's, and its end kept.
final class LastWords: @unchecked Sendable {
    // Sendable: `lock` guards `tail` and `hasEnded`.
    private let descriptor: PolledDescriptor
    private let lock = Lock(onDeadlock: .off)
    private var tail: [UInt8] = []
    private var hasEnded = false

    /// Takes over the non-blocking end of a pipe.
    init(owning number: Int32) { descriptor = PolledDescriptor(owning: number) }

    /// Takes in what comes, on a fiber of ``ChildService``.
    func follow() throws {
        // Where there is no fiber for it, it is taken in at the end.
        try ChildService.begin("standard error", orElse: { _ in }) {
            while true {
                switch self.take() {
                case .all: _ = try self.descriptor.wait(for: .readable, until: .never)
                // One that never rests must not have this thread for itself.
                case .some: Strand.yield()
                case .last: return
                }
            }
        }
    }

    /// What it said last. All of that, once it has ended.
    func read() -> [UInt8] {
        _ = take()
        return lock.withLock { tail }
    }

    private enum Taken {
        /// As much as a pipe holds: processes that the child has left may write for ever.
        case some
        /// What there was.
        case all
        /// All that can come.
        case last
    }

    /// Takes in what there is.
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

    /// Nil when there is nothing now, empty at the end.
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
