/// Bytecode as text: one line for each instruction, with the meaning of its argument.
package struct Disassembler: CustomStringConvertible {
    private let bytecode: Bytecode

    package init(bytecode: Bytecode) { self.bytecode = bytecode }

    package var description: String {
        bytecode.functions.map { function in
            let names = function.localNames.prefix(function.parameterCount).joined(separator: ", ")
            return (["\(function.name)(\(names)):"] + lines(of: function)).joined(separator: "\n")
        }.joined(separator: "\n\n") + "\n"
    }

    /// The lines of a function. The line of the source is shown where it changes.
    package func lines(of function: CompiledFunction) -> [String] {
        var last: Int32 = 0
        return function.code.enumerated().map { place, instruction in
            defer { last = instruction.line }
            let line = instruction.line == last ? "" : "\(instruction.line)"
            let text = text(of: instruction, in: function)
            return "\(line.padded(to: -4))  \("\(place)".padded(to: -4))  \(text)"
        }
    }

    /// The text of an instruction, such as `LOAD_GLOBAL count`.
    package func text(of instruction: Instruction, in function: CompiledFunction) -> String {
        guard let argument = argument(of: instruction, in: function) else {
            return instruction.opcode.mnemonic
        }
        return instruction.opcode.mnemonic.padded(to: 20) + " " + argument
    }

    private func argument(of instruction: Instruction, in function: CompiledFunction) -> String? {
        let index = Int(instruction.argument)
        return switch instruction.opcode.argument {
        case .none: nil
        case .count: "\(index)"
        case .constant:
            switch function.constants[index] {
            case .none: "none"
            case .integer(let value): "\(value)"
            case .text(let text): "\"\(text.replacing("\n", with: "\\n"))\""
            }
        case .local: function.localNames[index]
        case .global: bytecode.globalNames[index]
        case .function: bytecode.functions[index].name
        case .place: "to \(index)"
        }
    }
}

extension String {
    /// The text with spaces behind it up to `width`, or before it if `width` is negative.
    package func padded(to width: Int) -> String {
        let space = String(repeating: " ", count: max(0, abs(width) - count))
        return width < 0 ? space + self : self + space
    }
}
