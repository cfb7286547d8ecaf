internal import Logging
public import PlaitParking
internal import Synchronization

/// Where errors go that a strand threw and that nobody can join for any more.
public enum UncaughtErrors {
    private static let handler = Mutex<(@Sendable (any Error, Strand) -> Void)?>(nil)
    private static let logger = Logger(label: "plait.strands")

    /// Replaces what is done with an uncaught error; nil restores the default, which logs it with
    /// the strand's name.
    ///
    /// The handler runs on whichever thread drops the last reference to the strand, and must not
    /// wait.
    /// - Source: Python's `threading.excepthook`.
    public static func handle(_ body: (@Sendable (any Error, Strand) -> Void)?) {
        handler.withLock { $0 = body }
    }

    static func report(_ error: any Error, of strand: Strand) {
        if let body = handler.withLock({ $0 }) {
            body(error, strand)
        } else {
            logger.error(
                "strand \(strand.name) ended with an error that nobody joined for: \(error)")
        }
    }
}
