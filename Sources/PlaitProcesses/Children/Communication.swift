internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands

extension ChildProcess {
    /// Writes `input` to the child, reads its output up to the end, and waits until it has ended.
    /// All this happens at the same time, so that neither side waits for the other for ever.
    ///
    /// Blocks the calling thread or parks the calling fiber. The call closes the child's input when
    /// all is written; input that the child does not read is lost. It uses only streams that are
    /// pipes, and nobody else may use them meanwhile. It also waits for other programs that have
    /// inherited a pipe, such as those that the child has left in the background, since they may
    /// still write.
    /// - Parameters:
    ///   - input: The bytes for the child's input, which must be a pipe unless there are none.
    ///   - most: The most bytes from each stream.
    ///   - limit: Longest wait for the whole; `nil` waits for ever.
    /// - Throws: `TimedOut` past the limit, with what was read: the child goes on then;
    ///   `StreamError.tooLong`; `StreamError.closed`; `SystemError`; `CancellationError`.
    /// - Source: Python's `Popen.communicate`.
    @available(*, noasync)
    public func communicate(
        input: [UInt8] = [], atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) throws -> CommandResult {
        let communication = try Communication(with: self, input: input, most: most)
        let deadline = Deadline(within: limit)
        let isDone = try communication.run(until: deadline)
        if isDone, let status = try end.join(until: deadline) {
            return CommandResult(
                command: command, status: status, output: communication.output,
                errorOutput: communication.errorOutput)
        }
        throw TimedOut(
            quoted(command), output: communication.output, errorOutput: communication.errorOutput)
    }

    /// Runs an executable to its end and collects its output.
    ///
    /// Blocks the calling thread or parks the calling fiber. The call collects standard output and
    /// standard error, unless the options say `.null`. If it throws, past the limit or because the
    /// strand was cancelled, it ends the child at once. It neither ends programs that the child has
    /// left in the background nor waits for them.
    ///
    /// For commands from async code with their output as it comes, swift-subprocess works together
    /// with Plait.
    /// - Parameters:
    ///   - path: With a slash, the file; without, a name to look for in `PATH`.
    ///   - input: The bytes for the standard input; nil takes the stream of the options, by default
    ///     the parent's.
    ///   - most: The most bytes from each stream.
    ///   - limit: Longest wait for the whole; `nil` waits for ever.
    /// - Returns: How the command ended, even if it failed: see ``CommandResult/check()``.
    /// - Throws: As ``start(_:_:_:)-(String,_,_)`` and ``communicate(input:atMost:within:)``.
    /// - Source: Python's `subprocess.run`.
    @available(*, noasync)
    public static func run(
        _ path: String, _ arguments: [String] = [], _ options: Options = Options(),
        input: [UInt8]? = nil, atMost most: Int = 1 << 24, within limit: Duration? = nil
    ) throws -> CommandResult {
        var options = options
        if input != nil { options.input = .pipe }
        if case .inherited = options.output { options.output = .pipe }
        if case .inherited = options.errorOutput { options.errorOutput = .pipe }
        let child = try start(path, arguments, options)
        do {
            return try child.communicate(input: input ?? [], atMost: most, within: limit)
        } catch {
            // Nobody else could end the child.
            child.close()
            throw error
        }
    }
}

/// Writes the input of a child and collects its output.
private final class Communication {
    private enum Source: UInt64 { case input, output, errorOutput, end }

    private let child: ChildProcess
    private var unwritten: ArraySlice<UInt8>
    private let most: Int
    private(set) var output: [UInt8] = []
    private(set) var errorOutput: [UInt8] = []
    private var waits: DescriptorSet
    /// The streams that have not ended.
    private var open: Set<Source> = []

    init(with child: ChildProcess, input: [UInt8], most: Int) throws {
        demand(
            input.isEmpty || child.input != nil,
            "communicate: the input of \(child) is not a pipe: start it with options.input = .pipe")
        self.child = child
        self.most = most
        unwritten = input[...]
        waits = try DescriptorSet(capacity: 4)
        if unwritten.isEmpty {
            child.input?.close()
        } else if let pipe = child.input {
            try pipe.withNumber { try add(.input, $0, .writable) }
        }
        try child.output?.withNumber { try add(.output, $0, .readable) }
        try child.errorOutput?.withNumber { try add(.errorOutput, $0, .readable) }
        // Ending the child closes its pipes, so its end must wake this wait too.
        try waits.add(child.end.watched.number, .readable, token: Source.end.rawValue)
    }

    private func add(
        _ source: Source, _ number: Int32, _ interest: Readiness
    ) throws(SystemError) {
        try waits.add(number, interest, token: source.rawValue)
        open.insert(source)
    }

    /// Returns true when all streams have ended, false when the deadline passed first.
    func run(until deadline: Deadline) throws -> Bool {
        try takeUnread()
        while !open.isEmpty {
            let ready = try waits.wait(until: deadline)
            if ready.isEmpty { return false }
            for source in ready.compactMap(Source.init(rawValue:)) { try step(source) }
            if !open.isEmpty && deadline.remaining == .zero { return false }
            // A child that writes without pause must not keep this thread for itself.
            Strand.yield()
        }
        return true
    }

    private func step(_ source: Source) throws {
        // An earlier step may have ended the stream after it was reported ready.
        guard source == .end || open.contains(source) else { return }
        switch source {
        case .input:
            let count = try child.input?.writeNow(unwritten) ?? unwritten.count
            unwritten = unwritten.dropFirst(count)
            if unwritten.isEmpty {
                finish(.input, child.input?.number)
                child.input?.close()
            }
        case .output:
            guard let bytes = try child.output?.readNow() else { return }
            output += bytes
            if bytes.isEmpty { finish(.output, child.output?.number) }
        case .errorOutput:
            guard let bytes = try child.errorOutput?.readNow() else { return }
            errorOutput += bytes
            if bytes.isEmpty { finish(.errorOutput, child.errorOutput?.number) }
        case .end:
            waits.remove(child.end.watched.number, token: source.rawValue)
            // Look whether others have closed a stream.
            for source in open { try step(source) }
        }
        if max(output.count, errorOutput.count) > most { throw StreamError.tooLong(limit: most) }
    }

    /// Takes the bytes that a reader has read beyond a line.
    private func takeUnread() throws {
        if child.output?.input.isEmpty == false { try step(.output) }
        if child.errorOutput?.input.isEmpty == false { try step(.errorOutput) }
    }

    private func finish(_ source: Source, _ number: Int32?) {
        open.remove(source)
        if let number { waits.remove(number, token: source.rawValue) }
    }
}
