internal import PlaitIO
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
            while !self.takeAll() {
                _ = try self.descriptor.wait(for: .readable, until: .never)
            }
        }
    }

    /// What it said last. All of that, once it has ended.
    func read() -> [UInt8] {
        _ = takeAll()
        return lock.withLock { tail }
    }

    /// Takes in what there is. True when nothing more can come.
    private func takeAll() -> Bool {
        lock.withLock {
            while !hasEnded, let bytes = next() {
                if bytes.isEmpty { hasEnded = true }
                StandardStream.error.write(bytes)
                tail = (tail + bytes).suffix(8_192)
            }
            return hasEnded
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
