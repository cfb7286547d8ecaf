internal import PlaitPlatform
internal import Logging
internal import PlaitPlatform
public import PlaitParking

/// Where errors go that a strand threw and that nobody can join for any more, and those of
/// callbacks (``Future/onCompletion(_:)``), with the strand that called them.
public enum UncaughtErrors {
    private static let handler = Guarded<(@Sendable (any Error, Strand) throws -> Void)?>(nil)
    static let logger = Logger(label: "plait.strands")

    /// Replaces what is done with an uncaught error; nil restores the default, ``log(_:of:)``.
    ///
    /// A strand that ends by the cancellation it was asked for is none to report. The handler gets
    /// the error and the strand, which has a name though none was given. It runs on whichever
    /// thread drops the last reference to the strand, and must not wait. When it throws, both
    /// errors are logged.
    /// - Source: Python's `threading.excepthook`.
    public static func handle(_ body: (@Sendable (any Error, Strand) throws -> Void)?) {
        // The old one goes outside the lock.
        let old = handler.withLock { handler in
            let old = handler
            handler = body
            return old
        }
        withExtendedLifetime(old) {}
    }

    /// What is done by default: logs the error with the strand's name.
    ///
    /// For handlers that do something else besides, or for some strands only.
    /// - Source: Python's `threading.__excepthook__`.
    public static func log(_ error: any Error, of strand: Strand) {
        logger.error("strand \(strand.name) ended with an error that nobody joined for: \(error)")
    }

    static func report(_ error: any Error, of strand: Strand) {
        report(error, strand) { log(error, of: strand) }
    }

    /// Reports an error of a callback, whose caller is not to know of it.
    static func report(_ error: any Error, ofCallbackOf object: String) {
        let strand = Strand.current
        report(error, strand) {
            logger.error("a callback of \(object) threw on strand \(strand.name): \(error)")
        }
    }

    private static func report(_ error: any Error, _ strand: Strand, byDefault log: () -> Void) {
        guard let body = handler.withLock({ $0 }) else { return log() }
        do {
            try body(error, strand)
        } catch let failure {
            log()
            logger.error(
                "the handler of uncaught errors failed for strand \(strand.name): \(failure)")
        }
    }
}
