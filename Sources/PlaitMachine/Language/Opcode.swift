/// The instructions of the lab's machine. The stack grows to the right; `argument` is the argument
/// of the instruction.
package enum Opcode: UInt8, CaseIterable {
    // Values.
    /// Pushes the constant `argument`.
    case constant
    case loadLocal, storeLocal, loadGlobal, storeGlobal
    /// Stores a global, which may not exist yet.
    case defineGlobal
    case pop

    // Two values become one.
    case add, subtract, multiply, divide, remainder
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    // One value becomes another.
    case negate, not
    case length, text, integer

    // Jumps; `argument` is the place.
    case jump, jumpBack
    case jumpIfFalse
    /// Keeps the value if it jumps; otherwise drops it.
    case jumpIfFalseOrPop, jumpIfTrueOrPop
    /// Calls the function `argument`, with one value for each of its parameters.
    case call
    case `return`

    // Threads, and operations that wait. Each pushes one value.
    case spawn, join
    case lock, acquire, release
    case sleep, receive, send
    /// Prints `argument` values.
    case print

    /// The name in the disassembler's output, such as `LOAD_GLOBAL`.
    package var mnemonic: String {
        String("\(self)".flatMap { $0.isUppercase ? ["_", $0] : [Character($0.uppercased())] })
    }

    /// The meaning of `argument`: what it counts or points at.
    package enum Argument { case none, count, constant, local, global, function, place }

    package var argument: Argument {
        switch self {
        case .constant: .constant
        case .loadLocal, .storeLocal: .local
        case .loadGlobal, .storeGlobal, .defineGlobal: .global
        case .call, .spawn: .function
        case .jump, .jumpBack, .jumpIfFalse, .jumpIfFalseOrPop, .jumpIfTrueOrPop: .place
        case .print: .count
        default: .none
        }
    }
}

/// One step of the lab's machine.
package struct Instruction: Equatable {
    package var opcode: Opcode
    package var argument: Int32 = 0
    /// The line in the source.
    package var line: Int32
}

/// The builtin functions of the language: the name, the parameters, and the instruction.
package enum Builtin {
    package static let all: [String: (parameters: Int, opcode: Opcode)] = [
        "len": (1, .length), "str": (1, .text), "int": (1, .integer),
        "join": (1, .join), "lock": (0, .lock), "acquire": (1, .acquire), "release": (1, .release),
        "sleep": (1, .sleep), "receive": (0, .receive), "send": (1, .send),
    ]
    /// Takes any number.
    package static let print = "print"
}
