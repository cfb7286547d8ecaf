/// A function that can run in another process of the same program.
///
/// It is a type of its own, so that the other process finds it by name: nothing else is to be
/// registered. Private and local types serve as well, if they are in the program itself rather than
/// in a library that is loaded.
///
/// ```swift
/// enum Render: ProcessFunction {
///     static func run(_ page: Page) throws -> Image { … }
/// }
/// let image = try spawn(.process, Render.self, page).join()
/// ```
/// What goes in and what comes out is copied: see ``MessagePackEncoder``. A child that a fork
/// server or a program anew runs shares no variable with the parent; globals have their first
/// values.
/// - Source: Python's `target` of a `multiprocessing.Process`, a function at module level.
public protocol ProcessFunction: SendableMetatype {
    associatedtype Input: Codable & Sendable
    associatedtype Output: Codable & Sendable

    /// Runs on the main thread of the other process, where it may spawn fibers and threads. An
    /// error that it throws is thrown in the parent: as it is if it is `Codable`, else as a
    /// ``RemoteError``.
    static func run(_ input: Input) throws -> Output
}

/// The input or output of a function that has none.
public struct Nothing: Codable, Hashable, Sendable {
    public init() {}
}

/// An error that a function threw in another process and that could not be brought over as it was,
/// for it is not `Codable`.
public struct RemoteError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The error's type.
    public let type: String
    /// The error's own description.
    public let message: String
    /// Where it was thrown: the process's name and number.
    public let process: String

    public var description: String { "\(type) in process \(process): \(message)" }
}
