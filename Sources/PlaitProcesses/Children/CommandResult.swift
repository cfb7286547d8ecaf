/// How a command ended, and what it wrote.
public struct CommandResult: Hashable, Sendable {
    /// The program's name as it was given, and its arguments.
    public let command: [String]
    public let status: ExitStatus
    /// The command's standard output; empty if that was not a pipe.
    public let output: [UInt8]
    /// The command's standard error; empty if that was not a pipe.
    public let errorOutput: [UInt8]

    /// Returns this result if the command exited with code 0, and throws otherwise.
    /// - Throws: ``CommandFailed``.
    /// - Source: Python's `check=True` of `subprocess.run`, `CompletedProcess.check_returncode`.
    @discardableResult
    public func check() throws(CommandFailed) -> CommandResult {
        if status.isSuccess { return self }
        throw CommandFailed(
            command: command, status: status,
            lastWords: String(decoding: errorOutput.suffix(1_024), as: UTF8.self))
    }

    /// The command's output as UTF-8. Line ends stay as they are.
    /// - Throws: ``UndecodableOutput``.
    public var text: String {
        get throws(UndecodableOutput) { try decoded(output, "standard output") }
    }

    /// The command's standard error as UTF-8.
    /// - Throws: ``UndecodableOutput``.
    public var errorText: String {
        get throws(UndecodableOutput) { try decoded(errorOutput, "standard error") }
    }

    private func decoded(
        _ bytes: [UInt8], _ stream: String
    ) throws(UndecodableOutput) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw UndecodableOutput(command: command, stream: stream)
        }
        return text
    }
}

/// A command did not exit with code 0.
public struct CommandFailed: Error, Hashable, Sendable, CustomStringConvertible {
    public let command: [String]
    public let status: ExitStatus
    /// The end of the command's standard error, at most 1 KiB.
    public let lastWords: String

    public var description: String {
        let words = lastWords.split(whereSeparator: \.isNewline).joined(separator: "\n")
        return "\(quoted(command)): \(status)\(words.isEmpty ? "" : ": \(words)")"
    }
}

/// The output of a command is not UTF-8.
public struct UndecodableOutput: Error, Hashable, Sendable, CustomStringConvertible {
    public let command: [String]
    /// `standard output` or `standard error`.
    public let stream: String

    public var description: String {
        "\(stream) of \(quoted(command)) is not UTF-8: take its bytes"
    }
}

/// A command in a form for people.
func quoted(_ command: [String]) -> String {
    command.map { $0.contains(where: \.isWhitespace) || $0.isEmpty ? "'\($0)'" : $0 }
        .joined(separator: " ")
}
