/// Bytecode that is ready to run.
package final class LoadedProgram: Sendable {
    package final class Function: Sendable {
        package let compiled: CompiledFunction
        package let code: [Instruction]
        package let constants: [Value]
        package let parameterCount: Int
        /// How many locals are not parameters.
        package let otherLocals: Int

        package init(_ compiled: CompiledFunction) {
            self.compiled = compiled
            code = compiled.code
            constants = compiled.constants.map { Value($0) }
            parameterCount = compiled.parameterCount
            otherLocals = compiled.localNames.count - compiled.parameterCount
        }
    }

    package let bytecode: Bytecode
    package let functions: [Function]

    package init(_ bytecode: Bytecode) {
        self.bytecode = bytecode
        functions = bytecode.functions.map { Function($0) }
    }

    package convenience init(source: String) throws(ProgramError) {
        self.init(try Bytecode.compile(source))
    }
}
