public import PlaitPlatform

/// Waits until one of several channels can receive or send, does that, and runs the handler of that
/// case. If several cases are ready, each of them is equally likely.
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
/// Blocks the calling thread or parks the calling fiber. Exactly one case happens, or none if the
/// select throws. The other channels neither give nor take anything. The handler runs after the
/// select, so it may wait. Outside of tasks a select allocates no memory, whatever the number of
/// cases, except for what each handler captures.
///
/// - Parameter limit: Longest wait; `nil` waits for ever, `.zero` tries once. A select without a
///   case waits for the limit, and traps if there is no limit.
/// - Returns: What the handler returns.
/// - Throws: `TimedOut` past the limit; `ChannelError.closed` when the channel of a case without
///   `onClose` is closed; `CancellationError`; what the handler throws.
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

/// As ``select(within:_:)``, with a default: runs `otherwise` when no case is ready. With a limit,
/// it first waits that long for a case. Without a limit it never waits.
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

/// Waits until one of several channels can receive or send, suspending the calling task. The
/// handlers may `await`.
@inlinable
public func select<Cases: AsyncSelectCases & ~Copyable>(
    within limit: Duration? = nil, @SelectBuilder _ cases: () throws -> Cases
) async throws -> Cases.Value {
    let select = try TaskSelect(cases())
    try await select.selection.choose(until: Deadline(within: limit))
    return try await select.finish()
}

/// As ``select(within:_:)``, with a default, suspending the calling task. The handlers may `await`.
// This overload stands beside the next one, since a closure without `await` prefers a parameter
// without `async`. Without this overload the compiler would take the form that blocks.
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

/// The select of a task. Its cases lie in memory that outlives a suspension.
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
