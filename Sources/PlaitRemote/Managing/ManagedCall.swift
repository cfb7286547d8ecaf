internal import PlaitParking

/// Something that is done with an object of a ``Manager``: it goes there as a value, and is run
/// there.
///
/// It is a type of its own, so that the manager finds it by name: nothing is to be registered, and
/// what is no call of an object does not compile.
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
/// The manager runs one call at a time, on one thread: objects need no lock. What goes in and what
/// comes out is copied; a ``Managed`` object stays where it is, and what travels is a reference to
/// it.
/// - Source: the methods that Python's `BaseManager.register` exposes.
public protocol ManagedCall: Codable & Sendable {
    associatedtype Target: AnyObject
    associatedtype Output: Codable & Sendable

    /// Whether it may wait: then it has a fiber of its own in the manager, where others go on
    /// meanwhile, also with the same object. False if not said. One that waits without saying so
    /// holds up the calls of its process.
    static var mayWait: Bool { get }

    /// The longest wait that ``run(on:)`` keeps by itself, of one that may wait. The caller waits
    /// for the manager's answer a tenth of a second longer, and not for ever where the manager is
    /// busy or stopped. Nil if not said.
    var limit: Duration? { get }

    /// Runs in the manager. An error that it throws is thrown by the caller: as it is if it is
    /// `Codable`, else as a `RemoteError`. A trap ends the manager.
    func run(on target: Target) throws -> Output

    /// As ``run(on:)``, for calls that need to know whose they are.
    func run(on target: Target, for caller: ManagedCaller) throws -> Output

    /// For one that may wait: does it if it need not, which saves a fiber; else returns nil, having
    /// done nothing. Nil if not said.
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
    /// What an object is made of.
    associatedtype Input: Codable & Sendable
    /// Runs in the manager.
    init(_ input: Input) throws
}

/// Whose call it is: of which strand or task, in which process.
public struct ManagedCaller: Hashable, Sendable {
    /// The connection, a process; 0 for the manager itself.
    let session: UInt64
    /// The strand or task in it.
    let strand: UInt64

    /// The manager itself, which calls one of its own objects.
    static var manager: ManagedCaller {
        ManagedCaller(session: 0, strand: StrandKey.current.bits)
    }
}

/// A call with a limit that says by its output that the limit has passed.
protocol LimitedCall: ManagedCall {
    var outputPastLimit: Output { get }
}

/// A call whose output must not be lost where its caller has left.
protocol ReturnedCall: ManagedCall {
    associatedtype Back: ManagedCall where Back.Target == Target
    /// The call that gives it back, on behalf of the same caller.
    func returning(_ output: Output) -> Back?
}

/// A call of an object of ours that needs to know whose it is.
protocol CallerCall: ManagedCall {}

extension CallerCall {
    func run(on target: Target) throws -> Output { try run(on: target, for: .manager) }
}
