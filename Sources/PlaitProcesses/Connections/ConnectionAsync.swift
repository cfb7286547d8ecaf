internal import PlaitIO
internal import PlaitPlatform
public import SystemPackage

/// The verbs of connections for Swift tasks. See ``Connection`` for what each does.
///
/// They suspend the task, and the hub of the thread `plait-async` serves the wait. The task's
/// cancellation ends it. The task itself encodes and decodes values.
extension Connection {
    public func send(_ bytes: [UInt8], within limit: Duration? = nil) async throws {
        try await ServiceHub.run { try self.send(bytes, within: limit) }
    }

    public func send(value: some Encodable, within limit: Duration? = nil) async throws {
        try await send(MessagePackEncoder().encode(value), within: limit)
    }

    public func send(_ file: FileDescriptor, within limit: Duration? = nil) async throws {
        try await ServiceHub.run { try self.send(file, within: limit) }
    }

    public func send(_ other: Connection, within limit: Duration? = nil) async throws {
        try await ServiceHub.run { try self.send(other, within: limit) }
    }

    public func receive(
        atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) async throws -> [UInt8] {
        try await ServiceHub.run { try self.receive(atMost: most, within: limit) }
    }

    public func receive<Value: Decodable>(
        _ type: Value.Type, atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) async throws -> Value {
        try MessagePackDecoder().decode(
            type, from: try await receive(atMost: most, within: limit))
    }

    public func receive(
        into span: inout MutableRawSpan, within limit: Duration? = nil
    ) async throws -> Int {
        let bytes = try await receive(atMost: span.byteCount, within: limit)
        unsafe span.withUnsafeMutableBytes { unsafe $0.copyBytes(from: bytes) }
        return bytes.count
    }

    public func receiveDescriptor(within limit: Duration? = nil) async throws -> FileDescriptor {
        try await ServiceHub.run { try self.receiveDescriptor(within: limit) }
    }

    public func receiveConnection(within limit: Duration? = nil) async throws -> Connection {
        try await ServiceHub.run { try self.receiveConnection(within: limit) }
    }

    public func poll(within limit: Duration? = .zero) async throws -> Bool {
        try await ServiceHub.run { try self.poll(within: limit) }
    }
}
