internal import PlaitParking
internal import PlaitPlatform

/// A flag that processes share. Waiters go on once somebody has set it.
///
/// An event goes to another process in the input of its function.
/// - Source: Python's `multiprocessing.Event`.
public final class ProcessEvent: Sendable, Codable {
    private let cell: SharedCell

    /// - Throws: `SystemError`: EMFILE, ENOMEM.
    public init() throws { cell = try SharedCell(0, name: "plait-event") }

    public var isSet: Bool { cell.value != 0 }

    /// Sets the flag and wakes all waiters. Never blocks.
    public func set() {
        _ = cell.change { $0 == 0 ? 1 : nil }
        cell.events.tell(count: .max)
    }

    /// Clears the flag. Later waits last until it is set again.
    public func clear() { _ = cell.change { $0 == 1 ? 0 : nil } }

    /// Waits until the flag is set.
    ///
    /// Blocks the calling thread or parks the calling fiber. A waiter may miss a flag that is set
    /// and cleared at once.
    /// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` looks once.
    /// - Returns: Whether the flag was set.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    @discardableResult
    public func wait(within limit: Duration? = nil) throws -> Bool {
        try SharedWait.run(on: target, until: Deadline(within: limit), { _ in step }) ?? false
    }

    /// As ``wait(within:)``, suspending the calling task.
    @discardableResult
    public func wait(within limit: Duration? = nil) async throws -> Bool {
        try await SharedWait.run(on: target, until: Deadline(within: limit)) { _ in step } ?? false
    }

    private var target: WaitTarget { WaitTarget("ProcessEvent.wait", self) }

    private var step: SharedStep<Bool> {
        isSet ? .done(true) : .wait(cell.events.condition { [cell] in cell.value != 0 })
    }

    public func encode(to encoder: any Encoder) throws {
        try cell.encode(to: encoder, as: "ProcessEvent")
    }

    public init(from decoder: any Decoder) throws {
        cell = try SharedCell(from: decoder, as: "ProcessEvent")
    }
}

extension ProcessEvent: CustomStringConvertible {
    /// `ProcessEvent(set)` or `ProcessEvent(unset)`.
    public var description: String { "ProcessEvent(\(isSet ? "set" : "unset"))" }
}
