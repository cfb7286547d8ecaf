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

    /// What counts as true: not `none`, nor 0, nor an empty string.
    package var isTrue: Bool {
        switch self {
        case .none: false
        case .integer(let value): value != 0
        case .text(let text): !text.isEmpty
        case .lock, .thread: true
        }
    }

    /// As `print` shows it.
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

/// A lock of a lab program: one of Plait's, which a program's thread waits for without holding the
/// interpreter lock.
package final class ProgramLock: Sendable {
    package let lock = Lock()
}

/// A thread of a lab program, for those who join it.
package final class ProgramThread: @unchecked Sendable {
    // Sendable: the interpreter lock guards `result` and `isFinished`.
    package let name: String
    package let hasEnded = Event()
    private(set) var result = Value.none
    private(set) var isFinished = false

    package init(name: String) { self.name = name }

    /// By the thread itself, holding the interpreter lock.
    package func finish(_ result: Value) {
        self.result = result
        isFinished = true
    }
}

/// The global variables of a program that runs: what its threads share, and what the interpreter
/// lock is there to protect.
package final class Globals: @unchecked Sendable {
    // Sendable: the interpreter lock guards `values`.
    package let names: [String]
    /// nil: not declared yet.
    package var values: [Value?]

    package init(names: [String]) {
        self.names = names
        values = Array(repeating: nil, count: names.count)
    }

    package subscript(name: String) -> Value? {
        names.firstIndex(of: name).flatMap { values[$0] }
    }
}
