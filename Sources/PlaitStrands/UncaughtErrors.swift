internal import PlaitPlatform
internal import Logging
internal import PlaitPlatform
public import PlaitParking

/// Handles errors that nobody catches: those of strands that nobody can join any more, and those of
/// callbacks (``Future/onCompletion(_:)``), with the strand that called them.
public enum UncaughtErrors {
    private static let handler = Guarded<(@Sendable (any Error, Strand) throws -> Void)?>(nil)
    static let logger = Logger(label: "plait.strands")

    /// Replaces the handler of uncaught errors; nil restores the default, ``log(_:of:)``.
    ///
    /// A strand that was cancelled and ends with `CancellationError` is not reported. The handler
    /// gets the error and the strand, which always has a name. It runs on the thread that drops the
    /// last reference to the strand, and must not wait. If it throws, both errors are logged.
    /// - Source: Python's `threading.excepthook`.
    public static func handle(_ body: (@Sendable (any Error, Strand) throws -> Void)?) {
        // The old handler is released outside the lock.
        let old = handler.withLock { handler in
            let old = handler
            handler = body
            return old
        }
        withExtendedLifetime(old) {}
    }

    /// The default handler: logs the error with the strand's name.
    ///
    /// Call it from handlers that do more than this, or that treat only some strands differently.
    /// - Source: Python's `threading.__excepthook__`.
    public static func log(_ error: any Error, of strand: Strand) {
        logger.error("strand \(strand.name) ended with an error that nobody joined for: \(error)")
    }

    static func report(_ error: any Error, of strand: Strand) {
        report(error, strand) { log(error, of: strand) }
    }

    /// Reports an error of a callback. The strand that called the callback does not get the error.
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
