/// Bytecode made ready to run.
final class LoadedProgram: Sendable {
    final class Function: Sendable {
        let compiled: CompiledFunction
        let code: [Instruction]
        let constants: [Value]
        let parameterCount: Int
        /// Of the locals that are no parameters.
        let otherLocals: Int

        init(_ compiled: CompiledFunction) {
            self.compiled = compiled
            code = compiled.code
            constants = compiled.constants.map { Value($0) }
            parameterCount = compiled.parameterCount
            otherLocals = compiled.localNames.count - compiled.parameterCount
        }
    }

    let bytecode: Bytecode
    let functions: [Function]

    init(_ bytecode: Bytecode) {
        self.bytecode = bytecode
        functions = bytecode.functions.map { Function($0) }
    }

    convenience init(source: String) throws(ProgramError) {
        self.init(try Bytecode.compile(source))
    }
}
