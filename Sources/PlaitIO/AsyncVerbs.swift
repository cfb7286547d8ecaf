internal import PlaitStrands

/// The verbs of reading for Swift tasks. See ``ByteSource`` for what each does.
///
/// Bytes that have come already are taken at once. Otherwise the task is suspended, and the hub of
/// the thread `plait-async`, which all tasks share, serves the wait. The task's cancellation ends
/// it.
extension ByteSource {
    /// See the form for strands. The buffer is written to by the task alone.
    public func read(
        into buffer: UnsafeMutableRawBufferPointer, within limit: Duration? = nil
    ) async throws -> Int {
        if unsafe buffer.isEmpty { return 0 }
        guard try await hasInput(within: limit) else { return 0 }
        return unsafe input.take(into: buffer)
    }

    public func read(
        into span: inout MutableRawSpan, within limit: Duration? = nil
    ) async throws -> Int {
        if span.isEmpty { return 0 }
        guard try await hasInput(within: limit) else { return 0 }
        return unsafe span.withUnsafeMutableBytes { unsafe input.take(into: $0) }
    }

    /// See the form for strands. The task runs `body`.
    public func readChunk(
        within limit: Duration? = nil, _ body: (RawSpan) throws -> Void
    ) async throws -> Bool {
        guard try await hasInput(within: limit) else { return false }
        let chunk = unsafe Chunk { unsafe input.take(into: $0) }
        try chunk.withBytes(body)
        return true
    }

    private func hasInput(within limit: Duration?) async throws -> Bool {
        if !input.isEmpty { return true }
        return try await ServiceHub.run { try self.fillInput(within: limit) }
    }

    public func readSome(
        atMost count: Int = 65_536, within limit: Duration? = nil
    ) async throws -> [UInt8] {
        if count > 0 && !input.isEmpty { return input.take(count) }
        return try await ServiceHub.run { try self.readSome(atMost: count, within: limit) }
    }

    public func readExactly(_ count: Int, within limit: Duration? = nil) async throws -> [UInt8] {
        if count >= 0 && input.count >= count { return input.take(count) }
        return try await ServiceHub.run { try self.readExactly(count, within: limit) }
    }

    public func readToEnd(
        atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) async throws -> [UInt8] {
        try await ServiceHub.run { try self.readToEnd(atMost: most, within: limit) }
    }

    public func peek(_ count: Int, within limit: Duration? = nil) async throws -> [UInt8] {
        try await ServiceHub.run { try self.peek(count, within: limit) }
    }

    public func readLine(
        atMost most: Int = 65_536, within limit: Duration? = nil,
        invalidUTF8 invalid: InvalidUTF8 = .repair
    ) async throws -> String? {
        if case .found(let content, let total) = input.findLine(atMost: most, hasEnded: false),
            let text = input.takeText(content: content, total: total, invalid)
        {
            return text
        }
        return try await ServiceHub.run {
            try self.readLine(atMost: most, within: limit, invalidUTF8: invalid)
        }
    }

    public func readLineBytes(
        atMost most: Int = 65_536, within limit: Duration? = nil
    ) async throws -> [UInt8]? {
        if case .found(let content, let total) = input.findLine(atMost: most, hasEnded: false) {
            return input.takeLine(content: content, total: total)
        }
        return try await ServiceHub.run { try self.readLineBytes(atMost: most, within: limit) }
    }

    public func readFrame(
        atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) async throws -> [UInt8]? {
        try await ServiceHub.run { try self.readFrame(atMost: most, within: limit) }
    }
}

/// The verbs of writing for Swift tasks. See ``ByteSink`` for what each does. They wait as the
/// verbs of ``ByteSource`` do.
extension ByteSink {
    public func write(_ bytes: [UInt8], within limit: Duration? = nil) async throws {
        try await ServiceHub.run { try self.write(bytes, within: limit) }
    }

    public func write(
        _ first: [UInt8], _ second: [UInt8], within limit: Duration? = nil
    ) async throws {
        try await ServiceHub.run { try self.write(first, second, within: limit) }
    }

    public func write(_ text: String, within limit: Duration? = nil) async throws {
        try await ServiceHub.run { try self.write(text, within: limit) }
    }

    public func writeFrame(_ bytes: [UInt8], within limit: Duration? = nil) async throws {
        try await ServiceHub.run { try self.writeFrame(bytes, within: limit) }
    }
}
