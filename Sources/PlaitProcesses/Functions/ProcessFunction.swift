/// A function that can run in another process of the same program.
///
/// Each function is a type, so that the other process finds it by name. You need not register it.
/// Private and local types work too, if they are in the program itself and not in a loaded library.
///
/// ```swift
/// enum Render: ProcessFunction {
///     static func run(_ page: Page) throws -> Image { … }
/// }
/// let image = try spawn(.process, Render.self, page).join()
/// ```
/// Input and output are copied: see ``MessagePackEncoder``. With the fork server and with a new
/// start of the program, the child shares no variables with the parent, and globals have their
/// initial values.
/// - Source: The `target` of Python's `multiprocessing.Process`, a function at module level.
public protocol ProcessFunction: SendableMetatype {
    associatedtype Input: Codable & Sendable
    associatedtype Output: Codable & Sendable

    /// Runs on the main thread of the other process, where it may spawn fibers and threads. The
    /// parent throws its error: the error itself if it is `Codable`, otherwise a ``RemoteError``.
    static func run(_ input: Input) throws -> Output
}

/// The input or output of a function that has none.
public struct Nothing: Codable, Hashable, Sendable {
    public init() {}
}

/// An error that a function threw in another process. The error itself could not be sent, because
/// it is not `Codable`.
public struct RemoteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The error's type.
    public let type: String
    /// The error's own description.
    public let message: String
    /// The name and number of the process that threw it.
    public let process: String

    public var description: String { "\(type) in process \(process): \(message)" }
}
