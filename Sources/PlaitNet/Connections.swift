internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// The connections that a listener serves, with the strands and tasks that serve them.
final class Connections: Sendable {
    /// The strand or task that serves a connection.
    enum Server {
        case strand(Strand)
        case task(Task<Void, Never>)

        func cancel() {
            switch self {
            case .strand(let strand): strand.cancel()
            case .task(let task): task.cancel()
            }
        }
    }

    /// A connection that has begun and not ended.
    private enum Member {
        case starting
        /// The connection was cancelled before its server was known.
        case cancelled
        case served(Server)
    }

    /// One wait for fewer connections.
    private struct Wait {
        let bound: Int
        /// Whether accepting must have ended too.
        let isForEnd: Bool
        let event: Event
    }

    private struct State {
        var members: [Int: Member] = [:]
        var nextID = 0
        /// How many strands and tasks accept.
        var acceptors = 0
        var waits: [Wait] = []
        var nextWarning: UInt64 = 0

        func isOver(_ wait: Wait) -> Bool {
            members.count < wait.bound && !(wait.isForEnd && acceptors > 0)
        }

        /// Takes out the waits whose condition is met.
        mutating func takeOver() -> [Wait] {
            if waits.isEmpty { return [] }
            let over = waits.filter(isOver)
            waits.removeAll { wait in over.contains { $0.event === wait.event } }
            return over
        }
    }

    private let state = Guarded(State())

    var count: Int { state.withLock { $0.members.count } }

    /// Whether to log again that accepting pauses: once a second while that lasts.
    func mayWarn() -> Bool {
        let now = monotonicNow()
        return state.withLock { state in
            guard now >= state.nextWarning else { return false }
            state.nextWarning = now + 1_000_000_000
            return true
        }
    }

    /// Counts a connection. The caller tells its server next.
    func willStart() -> Int {
        state.withLock { state in
            state.nextID += 1
            state.members[state.nextID] = .starting
            return state.nextID
        }
    }

    /// Notes the server of a connection, which may have ended already.
    func didStart(_ id: Int, _ server: Server) {
        let isTooLate = state.withLock { state in
            switch state.members[id] {
            case .starting:
                state.members[id] = .served(server)
                return false
            case .cancelled:
                state.members[id] = .served(server)
                return true
            case .served, nil: return false
            }
        }
        if isTooLate { server.cancel() }
    }

    func didEnd(_ id: Int) {
        let over = state.withLock { state in
            state.members[id] = nil
            return state.takeOver()
        }
        for wait in over { wait.event.set() }
    }

    func acceptorBegins() { state.withLock { $0.acceptors += 1 } }

    func acceptorEnds() {
        let over = state.withLock { state in
            state.acceptors -= 1
            return state.takeOver()
        }
        for wait in over { wait.event.set() }
    }

    /// Cancels all servers of connections.
    /// - Returns: How many connections there were.
    func cancelAll() -> Int {
        let (count, servers) = state.withLock { state in
            var servers: [Server] = []
            for (id, member) in state.members {
                switch member {
                case .starting: state.members[id] = .cancelled
                case .cancelled: break
                case .served(let server): servers.append(server)
                }
            }
            return (state.members.count, servers)
        }
        for server in servers { server.cancel() }
        return count
    }

    /// Waits until there are fewer connections than `bound`. Any number of strands may wait.
    /// - Parameter isForEnd: Whether accepting must have ended too.
    /// - Returns: False when `limit` has passed first.
    @available(*, noasync)
    func awaitCount(
        below bound: Int, isForEnd: Bool = false, within limit: Duration? = nil
    ) throws -> Bool {
        let wait = Wait(bound: bound, isForEnd: isForEnd, event: Event())
        let isOver = state.withLock { state in
            if state.isOver(wait) { return true }
            state.waits.append(wait)
            return false
        }
        if isOver { return true }
        defer {
            if !wait.event.isSet {
                state.withLock { $0.waits.removeAll { $0.event === wait.event } }
            }
        }
        return try wait.event.wait(within: limit)
    }
}
