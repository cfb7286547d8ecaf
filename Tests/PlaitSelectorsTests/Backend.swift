import PlaitPlatform
import PlaitSelectors

/// The selectors that the contract of `ReadinessSelector` is tested on.
enum Backend: CaseIterable, Sendable {
    case epoll, poll

    func make() throws -> any ReadinessSelector {
        switch self {
        case .epoll: try EpollSelector()
        case .poll: PollSelector()
        }
    }
}

/// One report of a selector.
struct Report: Hashable {
    let token: UInt64
    let readiness: Readiness

    init(_ token: UInt64, _ readiness: Readiness) {
        self.token = token
        self.readiness = readiness
    }
}

extension ReadinessSelector {
    func register(
        _ descriptor: Int32, _ interest: Readiness, token: UInt64 = 1, mode: TriggerMode = .level
    ) throws {
        try register(descriptor, interest: interest, mode: mode, token: token)
    }

    /// What is ready now, without waiting.
    func ready() throws -> Set<Report> { try ready(until: .immediate) }

    /// What is ready once something is.
    func ready(until deadline: Deadline) throws -> Set<Report> {
        var reports: [Report] = []
        try select(until: deadline, now: .now) { reports.append(Report($0, $1)) }
        let distinct = Set(reports)
        precondition(distinct.count == reports.count, "a descriptor was reported twice")
        return distinct
    }
}
