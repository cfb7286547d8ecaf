/// An error of a lab program, with its line.
package struct ProgramError: Error, Equatable, CustomStringConvertible {
    package enum Kind: Equatable {
        // Errors in the text.
        case unexpectedCharacter(Character)
        case unterminatedString
        case integerTooLarge(String)
        case unexpected(String, wanted: String)
        case outsideOfLoop(String)
        case outsideOfFunction(String)
        case tooDeep
        case duplicate(String)
        case wrongCount(of: String, wanted: Int, given: Int)
        // Errors at run time; some are found in the text of functions.
        case unknownName(String)
        case wrongType(wanted: String, given: String, in: String)
        case divisionByZero
        case integerOverflow
        case notAnInteger(String)
        case stackDepth(limit: Int)
        case releaseOfFreeLock
        case connection(String)
        /// The program was ended from outside.
        case stopped
    }

    package let line: Int
    package let kind: Kind

    package init(_ kind: Kind, line: Int) {
        self.kind = kind
        self.line = line
    }

    package var description: String { "line \(line): \(text)" }

    private var text: String {
        switch kind {
        case .unexpectedCharacter(let character): "the character '\(character)' means nothing here"
        case .unterminatedString: "the string has no end in its line"
        case .integerTooLarge(let digits): "\(digits) does not fit into 64 bits"
        case .unexpected(let found, let wanted): "found \(found) instead of \(wanted)"
        case .outsideOfLoop(let word): "'\(word)' is outside of a loop"
        case .outsideOfFunction(let word): "'\(word)' is outside of a function"
        case .tooDeep: "more levels of nesting than \(Parser.depthLimit)"
        case .duplicate(let name): "there is a '\(name)' already"
        case .wrongCount(let name, let wanted, let given):
            "'\(name)' takes \(wanted) argument\(wanted == 1 ? "" : "s"), not \(given)"
        case .unknownName(let name): "there is no '\(name)'"
        case .wrongType(let wanted, let given, let operation):
            "\(operation) needs \(wanted), not \(given)"
        case .divisionByZero: "division by zero"
        case .integerOverflow: "the result does not fit into 64 bits"
        case .notAnInteger(let text): "'\(text)' is not an integer"
        case .stackDepth(let limit): "more than \(limit) nested calls"
        case .releaseOfFreeLock: "release of a lock that nobody holds"
        case .connection(let reason): "the connection failed: \(reason)"
        case .stopped: "stopped"
        }
    }
}
