internal import PlaitPlatform

/// A server that can end in good order: it takes no more, finishes what it has taken, and cuts off
/// what has not ended at the limit.
///
/// A type gives the three steps; ``drain(within:)-(Duration)`` is written once, for listeners of
/// any kind, for several together, and for servers of the program's own.
public protocol Drainable {
    /// Takes no more work. A second call does nothing.
    func stopAccepting()

    /// Waits until all work that was taken has ended.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: False when `limit` has passed first.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    func awaitIdle(within limit: Duration?) throws -> Bool

    /// Work that was taken and has not ended.
    var workCount: Int { get }

    /// Makes what is in work end soon, without waiting for that.
    /// - Returns: How much there was.
    func cutOff() -> Int
}

/// What became of the work that a server had when it was drained.
public struct DrainReport: Hashable, Sendable {
    /// Ended by itself within the limit.
    public let finished: Int
    /// Had not ended at the limit, and was cut off.
    public let cut: Int

    public init(finished: Int, cut: Int) {
        self.finished = finished
        self.cut = cut
    }
}

extension Drainable {
    /// Takes no more work, waits until what was taken has ended, and cuts off the rest at the
    /// limit.
    ///
    /// Blocks the calling thread or parks the calling fiber. Does not wait for what it has cut off.
    /// - Parameter limit: Longest wait; `.zero` cuts off at once.
    /// - Throws: `CancellationError`; nothing is cut off then.
    /// - Source: gevent's `BaseServer.stop(timeout)`, gunicorn's `graceful_timeout`.
    @available(*, noasync)
    @discardableResult
    public func drain(within limit: Duration) throws -> DrainReport {
        stopAccepting()
        let present = workCount
        let cut = try awaitIdle(within: limit) ? 0 : cutOff()
        return DrainReport(finished: max(0, present - cut), cut: cut)
    }
}

extension Drainable where Self: Sendable {
    /// As the sync form, suspending the calling task: the hub of the thread `plait-async` waits.
    @discardableResult
    public func drain(within limit: Duration) async throws -> DrainReport {
        try await ServiceHub.run { try self.drain(within: limit) }
    }
}

/// Several servers as one: all stop accepting before the first is waited for, and share the limit.
extension Array: Drainable where Element: Drainable {
    public func stopAccepting() {
        for server in self { server.stopAccepting() }
    }

    @available(*, noasync)
    public func awaitIdle(within limit: Duration?) throws -> Bool {
        let deadline = Deadline(within: limit)
        for server in self where try !server.awaitIdle(within: deadline.remaining) { return false }
        return true
    }

    public var workCount: Int { reduce(0) { $0 + $1.workCount } }

    public func cutOff() -> Int { reduce(0) { $0 + $1.cutOff() } }
}
