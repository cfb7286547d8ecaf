public import PlaitPlatform

/// Waits until one of several channels can be received from or sent to, does that, and runs the
/// handler of that case. Of several that are ready, each is as likely.
///
/// ```swift
/// let isOver = try select(within: .seconds(1)) {
///     Case.receive(from: jobs) { job in
///         run(job)
///         return false
///     } onClose: {
///         true
///     }
///     Case.send(status, to: log) { false }
/// }
/// ```
/// Blocks the calling thread or parks the calling fiber. Exactly one case happens, or none if it
/// throws; of the other channels nothing is taken and nothing is given. The handler runs after the
/// select: it may wait. No memory is allocated, whatever the number of cases, but for what each
/// handler captures, and in a task.
///
/// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once. Without a case, the
///   select waits for the limit, and traps if there is none.
/// - Returns: What the handler returns.
/// - Throws: `TimedOut` past the limit; `ChannelError.closed` when a channel is closed
///   whose case has no `onClose`; `CancellationError`; what the handler throws.
/// - Source: Go's `select`.
@available(*, noasync)
@inlinable
public func select<Cases: SelectCases & ~Copyable>(
    within limit: Duration? = nil, @SelectBuilder _ cases: () throws -> Cases
) throws -> Cases.Value {
    var cases = try cases()
    var line = unsafe SelectLine()
    return try unsafe withUnsafeMutablePointer(to: &cases) { cases in
        try unsafe withUnsafeMutablePointer(to: &line) { line in
            let selection = unsafe Selection(line)
            unsafe cases.pointee.enter(selection)
            try selection.choose(until: Deadline(within: limit))
            return try unsafe cases.pointee.finish(selection)
        }
    }
}

/// As ``select(within:_:)``, with a default: runs `otherwise` when no case is ready, or, with a
/// limit, when none becomes ready within it. Without a limit it never waits.
@available(*, noasync)
@inlinable
public func select<Cases: SelectCases & ~Copyable>(
    within limit: Duration = .zero, @SelectBuilder _ cases: () throws -> Cases,
    orElse otherwise: () throws -> Cases.Value
) throws -> Cases.Value {
    var cases = try cases()
    var line = unsafe SelectLine()
    return try unsafe withUnsafeMutablePointer(to: &cases) { cases in
        try unsafe withUnsafeMutablePointer(to: &line) { line in
            let selection = unsafe Selection(line)
            unsafe cases.pointee.enter(selection)
            guard try selection.choose(within: limit) else { return try otherwise() }
            return try unsafe cases.pointee.finish(selection)
        }
    }
}

/// Waits until one of several channels can be received from or sent to, suspending the calling
/// task. The handlers may `await`.
@inlinable
public func select<Cases: AsyncSelectCases & ~Copyable>(
    within limit: Duration? = nil, @SelectBuilder _ cases: () throws -> Cases
) async throws -> Cases.Value {
    let select = try TaskSelect(cases())
    try await select.selection.choose(until: Deadline(within: limit))
    return try await select.finish()
}

/// As ``select(within:_:)``, with a default, suspending the calling task. The handlers may `await`.
// Beside the next one, since a closure without `await` prefers a parameter without `async`: were
// there none here, the compiler would take the form that blocks.
@inlinable
public func select<Cases: AsyncSelectCases & ~Copyable>(
    within limit: Duration = .zero, @SelectBuilder _ cases: () throws -> Cases,
    orElse otherwise: () throws -> Cases.Value
) async throws -> Cases.Value {
    let select = try TaskSelect(cases())
    guard try await select.selection.choose(within: limit) else { return try otherwise() }
    return try await select.finish()
}

/// As ``select(within:_:)``, with a default, suspending the calling task. The handlers and the
/// default may `await`.
@inlinable
public func select<Cases: AsyncSelectCases & ~Copyable>(
    within limit: Duration = .zero, @SelectBuilder _ cases: () throws -> Cases,
    orElse otherwise: () async throws -> Cases.Value
) async throws -> Cases.Value {
    let select = try TaskSelect(cases())
    guard try await select.selection.choose(within: limit) else { return try await otherwise() }
    return try await select.finish()
}

/// A task's select: its cases in memory that outlives a suspension.
@safe
@usableFromInline
final class TaskSelect<Cases: AsyncSelectCases & ~Copyable> {
    @usableFromInline let cases: UnsafeMutablePointer<Cases>
    @usableFromInline let line: UnsafeMutablePointer<SelectLine>

    @inlinable
    init(_ cases: consuming Cases) {
        unsafe self.cases = .allocate(capacity: 1)
        unsafe self.cases.initialize(to: cases)
        unsafe line = .allocate(capacity: 1)
        unsafe line.initialize(to: SelectLine())
        unsafe self.cases.pointee.enter(selection)
    }

    @inlinable
    deinit {
        unsafe line.deallocate()
        unsafe cases.deinitialize(count: 1)
        unsafe cases.deallocate()
    }

    @inlinable var selection: Selection { unsafe Selection(line) }

    @inlinable
    func finish() async throws -> Cases.Value { try await unsafe cases.pointee.finish(selection) }
}
