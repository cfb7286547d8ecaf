/// A constant of a lab program.
package enum Constant: Hashable {
    case none
    case integer(Int)
    case text(String)
}

/// A function in the machine's language.
package struct CompiledFunction: Equatable {
    package let name: String
    package let parameterCount: Int
    /// The names of the locals, those of the parameters first.
    package let localNames: [String]
    package let constants: [Constant]
    package let code: [Instruction]
}

/// A lab program in the machine's language.
package struct Bytecode: Equatable {
    /// The functions. The first one has the statements outside of all functions.
    package let functions: [CompiledFunction]
    package let globalNames: [String]

    /// Compiles the text of a program.
    package static func compile(_ source: String) throws(ProgramError) -> Bytecode {
        try Compiler.compile(try Parser.parse(source))
    }

    /// Whether every argument points at something that exists. Bytecode from a file must pass this
    /// check.
    package var isSound: Bool {
        guard let main = functions.first, main.parameterCount == 0 else { return false }
        return functions.allSatisfy { function in
            // Every path must end with a return.
            guard function.code.last?.opcode == .return,
                (0...function.localNames.count).contains(function.parameterCount)
            else { return false }
            return function.code.allSatisfy { instruction in
                let argument = Int(instruction.argument)
                let limit =
                    switch instruction.opcode.argument {
                    case .none: 1
                    case .count: Int.max
                    case .constant: function.constants.count
                    case .local: function.localNames.count
                    case .global: globalNames.count
                    case .function: functions.count
                    case .place: function.code.count
                    }
                return (0..<limit).contains(argument)
            }
        }
    }
}
