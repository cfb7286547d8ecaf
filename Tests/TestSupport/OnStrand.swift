public import PlaitParking
internal import PlaitStrands

/// Runs `body` on a thread of its own, which has no hub unless `body` makes one.
///
/// Tests that block, or that look at the calling strand, belong there: a test function itself runs
/// on a thread of Swift's pool.
@discardableResult
public func onThread<Success: Sendable>(
    _ body: @escaping @Sendable () throws -> Success
) async throws -> Success {
    try await spawn(.thread) { try body() }.join()
}

/// Runs `body` on a new strand of this kind; a fiber gets a thread and a hub of its own.
@discardableResult
public func onStrand<Success: Sendable>(
    _ kind: StrandKind, _ body: @escaping @Sendable () throws -> Success
) async throws -> Success {
    switch kind {
    case .thread: try await onThread(body)
    case .fiber: try await onThread { try spawn(.fiber) { try body() }.join() }
    }
}

/// Lets others run until `condition` holds. The tests' time limits end one that never does.
public func until(_ condition: @Sendable () async -> Bool) async throws {
    while !(await condition()) {
        try Task.checkCancellation()
        await Task.yield()
    }
}

/// What a process wrote, as text.
public func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// Runs `body` on a thread of this name.
public func onThread<Success: Sendable>(
    named name: String, _ body: @escaping @Sendable () throws -> Success
) async throws -> Success {
    try await spawn(.thread, name: name) { try body() }.join()
}
