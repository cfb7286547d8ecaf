package import Plait

/// A value of a lab program.
package enum Value: Sendable {
    case none
    case integer(Int)
    case text(String)
    case lock(ProgramLock)
    case thread(ProgramThread)

    package init(_ constant: Constant) {
        switch constant {
        case .none: self = .none
        case .integer(let value): self = .integer(value)
        case .text(let text): self = .text(text)
        }
    }

    package var typeName: String {
        switch self {
        case .none: "none"
        case .integer: "an integer"
        case .text: "a string"
        case .lock: "a lock"
        case .thread: "a thread"
        }
    }

    /// Whether the value counts as true: `none`, 0 and an empty string do not.
    package var isTrue: Bool {
        switch self {
        case .none: false
        case .integer(let value): value != 0
        case .text(let text): !text.isEmpty
        case .lock, .thread: true
        }
    }

    /// The text that `print` shows.
    package var text: String {
        switch self {
        case .none: "none"
        case .integer(let value): "\(value)"
        case .text(let text): text
        case .lock: "lock"
        case .thread(let thread): thread.name
        }
    }

    package func isEqual(to other: Value) -> Bool {
        switch (self, other) {
        case (.none, .none): true
        case (.integer(let left), .integer(let right)): left == right
        case (.text(let left), .text(let right)): left == right
        case (.lock(let left), .lock(let right)): left === right
        case (.thread(let left), .thread(let right)): left === right
        default: false
        }
    }
}

/// A lock of a lab program, which is a lock of Plait. A thread of the program waits for it without
/// holding the interpreter lock.
package final class ProgramLock: Sendable {
    package let lock = Lock()
}

/// A thread of a lab program, as threads that join it see it.
package final class ProgramThread: @unchecked Sendable {
    // Sendable: the interpreter lock guards `result` and `isFinished`.
    package let name: String
    package let hasEnded = Event()
    private(set) var result = Value.none
    private(set) var isFinished = false

    package init(name: String) { self.name = name }

    /// Notes the end. The thread itself calls it, holding the interpreter lock.
    package func finish(_ result: Value) {
        self.result = result
        isFinished = true
    }
}

/// The global variables of a running program. Its threads share them, and the interpreter lock
/// protects them.
package final class Globals: @unchecked Sendable {
    // Sendable: the interpreter lock guards `values`.
    package let names: [String]
    /// The values; nil for a variable that is not declared yet.
    package var values: [Value?]

    package init(names: [String]) {
        self.names = names
        values = Array(repeating: nil, count: names.count)
    }

    package subscript(name: String) -> Value? {
        names.firstIndex(of: name).flatMap { values[$0] }
    }
}
