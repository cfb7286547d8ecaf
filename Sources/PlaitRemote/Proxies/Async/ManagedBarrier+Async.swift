// Written by scripts/faces from ManagedBarrier.swift: change that, and run it again.

internal import PlaitProcesses
internal import PlaitSync

extension ManagedBarrier {
    /// As ``wait(within:)``, suspending the calling task.
    @discardableResult
    public func wait(within limit: Duration? = nil) async throws -> Int {
        try await object.call(Store.Wait(limit: limit))
    }

    /// As ``abort()``, suspending the calling task.
    public func abort() async throws {
        _ = try await object.call(Store.Abort())
    }

    /// As ``reset()``, suspending the calling task.
    public func reset() async throws {
        _ = try await object.call(Store.Reset())
    }

    /// As ``parties()``, suspending the calling task.
    public func parties() async throws -> Int { try await object.call(Store.Look()).parties }

    /// As ``waiting()``, suspending the calling task.
    public func waiting() async throws -> Int { try await object.call(Store.Look()).waiting }

    /// As ``isBroken()``, suspending the calling task.
    public func isBroken() async throws -> Bool { try await object.call(Store.Look()).isBroken }
}
