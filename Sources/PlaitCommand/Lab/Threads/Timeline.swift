internal import Plait

/// The events of an experiment's strands, with their times.
///
/// `note` marks a moment of the calling strand, and `span` the time that a body takes on it.
final class Timeline: Sendable {
    struct Moment: Encodable, Sendable {
        /// The time since the experiment began.
        let milliseconds: Double
        let strand: String
        let what: String
    }

    struct Span: Encodable, Sendable {
        let strand: String
        let what: String
        let from: Double
        let to: Double
    }

    private let start = monotonicNow()
    private let moments = Shared<[Moment]>([])
    private let spans = Shared<[Span]>([])

    /// All moments, in the order in which they were noted.
    var allMoments: [Moment] { moments.value }
    var allSpans: [Span] { spans.value }

    private var now: Double { Double(monotonicNow() - start) / 1e6 }

    func note(_ what: String) {
        let strand = Strand.current.name
        // Read the clock under the lock, so that the order and the times agree.
        moments.update { $0.append(Moment(milliseconds: now, strand: strand, what: what)) }
    }

    @discardableResult
    func span<Result>(_ what: String, _ body: () throws -> Result) rethrows -> Result {
        let from = now
        defer {
            let span = Span(strand: Strand.current.name, what: what, from: from, to: now)
            spans.update { $0.append(span) }
        }
        return try body()
    }
}

/// A value that strands share, behind a `Lock`.
final class Shared<Value>: @unchecked Sendable {
    // Sendable: `lock` guards `contents`.
    private let lock = Lock()
    private var contents: Value

    init(_ value: Value) { contents = value }

    var value: Value { lock.withLock { contents } }

    @discardableResult
    func update<Result>(_ body: (inout Value) -> Result) -> Result {
        lock.withLock { body(&contents) }
    }
}
