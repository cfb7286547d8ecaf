internal import PlaitPlatform

/// A server that can end in good order. It takes no more work, finishes the work that it has, and
/// cuts off work that has not ended at the limit.
///
/// A type implements the steps. ``drain(within:)-(Duration)`` is written once, for listeners of any
/// kind, for arrays of servers, and for the program's own servers.
public protocol Drainable {
    /// Makes the server take no more work. A second call does nothing.
    func stopAccepting()

    /// Waits until all work has ended.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: False when `limit` has passed first.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    func awaitIdle(within limit: Duration?) throws -> Bool

    /// How many pieces of work have not ended.
    var workCount: Int { get }

    /// Makes the present work end soon, without waiting for that.
    /// - Returns: How many pieces of work there were.
    func cutOff() -> Int
}

/// What became of the work that a server had when its drain began.
public struct DrainReport: Hashable, Sendable {
    /// How much work ended by itself within the limit.
    public let finished: Int
    /// How much work had not ended at the limit and was cut off.
    public let cut: Int

    public init(finished: Int, cut: Int) {
        self.finished = finished
        self.cut = cut
    }
}

extension Drainable {
    /// Makes the server take no more work, waits until its work has ended, and cuts off the rest at
    /// the limit.
    ///
    /// Blocks the calling thread or parks the calling fiber. Does not wait for work that it has cut
    /// off.
    /// - Parameter limit: Longest wait; `.zero` cuts off at once.
    /// - Throws: `CancellationError`, and nothing is cut off then.
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

/// Drains several servers as one. All of them stop accepting before the wait for the first begins,
/// and they share the limit.
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
