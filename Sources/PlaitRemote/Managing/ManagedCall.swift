internal import PlaitParking

/// A call on an object of a ``Manager``. It travels to the manager as a value and runs there.
///
/// Each call is a type, so that the manager finds it by name. You need not register it, and a call
/// that an object does not have does not compile.
///
/// ```swift
/// final class Counter: ManagedType {
///     var count: Int
///     init(_ first: Int) { count = first }
///
///     struct Add: ManagedCall {
///         var amount: Int
///         func run(on counter: Counter) -> Int {
///             counter.count += amount
///             return counter.count
///         }
///     }
/// }
/// try withManager { manager in
///     let counter = try manager.make(Counter.self, 5)
///     print(try counter.call(Counter.Add(amount: 2)))
/// }
/// ```
/// The manager runs one call at a time, on one thread, so objects need no lock. Inputs and results
/// are copied. A ``Managed`` object stays in its manager, and only a reference to it travels.
/// - Source: the methods that Python's `BaseManager.register` exposes.
public protocol ManagedCall: Codable & Sendable {
    associatedtype Target: AnyObject
    associatedtype Output: Codable & Sendable

    /// Whether the call may wait. It then has a fiber of its own in the manager, and other calls go
    /// on meanwhile, even on the same object. False by default. A call that waits although this is
    /// false holds up the other calls of its process.
    static var mayWait: Bool { get }

    /// For a call that may wait: the longest wait that ``run(on:)`` itself allows. The caller waits
    /// a tenth of a second longer for the manager's answer, and so does not wait for ever if the
    /// manager is busy or stopped. Nil by default.
    var limit: Duration? { get }

    /// Runs in the manager. The caller gets its error: the error itself if it is `Codable`,
    /// otherwise a `RemoteError`. A trap ends the manager.
    func run(on target: Target) throws -> Output

    /// As ``run(on:)``, for calls that need to know their caller.
    func run(on target: Target, for caller: ManagedCaller) throws -> Output

    /// For a call that may wait: runs it if it need not wait, which saves a fiber. Otherwise
    /// returns nil and does nothing. Returns nil by default.
    func runAtOnce(on target: Target, for caller: ManagedCaller) throws -> Output?
}

extension ManagedCall {
    public static var mayWait: Bool { false }

    public var limit: Duration? { nil }

    public func run(on target: Target, for caller: ManagedCaller) throws -> Output {
        try run(on: target)
    }

    public func runAtOnce(on target: Target, for caller: ManagedCaller) throws -> Output? { nil }
}

/// A class whose objects a ``Manager`` makes.
/// - Source: the types that Python's `BaseManager.register` takes.
public protocol ManagedType: AnyObject {
    /// The input of the initializer.
    associatedtype Input: Codable & Sendable
    /// Runs in the manager.
    init(_ input: Input) throws
}

/// The caller of a call: a strand or task of a process.
public struct ManagedCaller: Hashable, Sendable {
    /// The connection of the process; 0 for the manager itself.
    let session: UInt64
    /// The strand or task in that process.
    let strand: UInt64

    /// The manager itself, when it calls one of its own objects.
    static var manager: ManagedCaller {
        ManagedCaller(session: 0, strand: StrandKey.current.bits)
    }
}

/// A call with a limit. Its output tells whether the limit has passed.
protocol LimitedCall: ManagedCall {
    var outputPastLimit: Output { get }
}

/// A call whose output must not be lost if its caller has left.
protocol ReturnedCall: ManagedCall {
    associatedtype Back: ManagedCall where Back.Target == Target
    /// The call that gives the output back, on behalf of the same caller.
    func returning(_ output: Output) -> Back?
}

/// A call of one of Plait's own objects that needs to know its caller.
protocol CallerCall: ManagedCall {}

extension CallerCall {
    func run(on target: Target) throws -> Output { try run(on: target, for: .manager) }
}
