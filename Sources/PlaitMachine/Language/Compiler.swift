/// Turns the syntax of a lab program into bytecode.
///
/// A name is local to a function if it is a parameter, or from its declaration with `var` to the
/// end of the function. Otherwise it is global.
struct Compiler {
    /// The names that all functions share.
    private struct Names {
        var functions: [String: (index: Int, parameters: Int)] = [:]
        var globals: [String] = []
        var globalIndices: [String: Int] = [:]

        mutating func global(_ name: String) -> Int {
            if let index = globalIndices[name] { return index }
            globals.append(name)
            globalIndices[name] = globals.count - 1
            return globals.count - 1
        }
    }

    /// The jumps of a loop whose target, the loop's end, is not known yet.
    private struct Loop {
        let start: Int
        var exits: [Int] = []
    }

    private var names: Names
    private let isMain: Bool
    private var locals: [String] = []
    private var localIndices: [String: Int] = [:]
    private var constants: [Constant] = []
    private var constantIndices: [Constant: Int] = [:]
    private var code: [Instruction] = []
    private var loops: [Loop] = []
    private var line = 1

    private init(_ names: Names, isMain: Bool) {
        self.names = names
        self.isMain = isMain
    }

    static func compile(_ program: ProgramSyntax) throws(ProgramError) -> Bytecode {
        var names = Names()
        for (index, function) in program.functions.enumerated() {
            guard names.functions[function.name] == nil, Builtin.all[function.name] == nil,
                function.name != Builtin.print
            else { throw ProgramError(.duplicate(function.name), line: function.line) }
            names.functions[function.name] = (index + 1, function.parameters.count)
        }
        let main = FunctionSyntax(
            name: "main", parameters: [], body: program.statements, line: 1)
        var compiled: [CompiledFunction] = []
        for (index, function) in ([main] + program.functions).enumerated() {
            var compiler = Compiler(names, isMain: index == 0)
            compiled.append(try compiler.compile(function))
            names = compiler.names
        }
        return Bytecode(functions: compiled, globalNames: names.globals)
    }

    private mutating func compile(
        _ function: FunctionSyntax
    ) throws(ProgramError) -> CompiledFunction {
        line = function.line
        for parameter in function.parameters { try declareLocal(parameter) }
        try emit(function.body)
        emit(.constant, constant(.none))
        emit(.return)
        return CompiledFunction(
            name: function.name, parameterCount: function.parameters.count, localNames: locals,
            constants: constants, code: code)
    }

    // MARK: Emitting

    @discardableResult
    private mutating func emit(_ opcode: Opcode, _ argument: Int = 0) -> Int {
        code.append(Instruction(opcode: opcode, argument: Int32(argument), line: Int32(line)))
        return code.count - 1
    }

    /// Lets a jump go to the next instruction.
    private mutating func land(_ jump: Int) { code[jump].argument = Int32(code.count) }

    private mutating func constant(_ value: Constant) -> Int {
        if let index = constantIndices[value] { return index }
        constants.append(value)
        constantIndices[value] = constants.count - 1
        return constants.count - 1
    }

    private mutating func declareLocal(_ name: String) throws(ProgramError) {
        guard localIndices[name] == nil else { throw ProgramError(.duplicate(name), line: line) }
        localIndices[name] = locals.count
        locals.append(name)
    }

    private mutating func emitLoad(_ name: String) {
        if let local = localIndices[name] {
            emit(.loadLocal, local)
        } else {
            emit(.loadGlobal, names.global(name))
        }
    }

    private mutating func emitStore(_ name: String) {
        if let local = localIndices[name] {
            emit(.storeLocal, local)
        } else {
            emit(.storeGlobal, names.global(name))
        }
    }

    // MARK: Statements

    private mutating func emit(_ statements: [Statement]) throws(ProgramError) {
        for statement in statements {
            line = statement.line
            try emit(statement.kind)
        }
    }

    private mutating func emit(_ statement: Statement.Kind) throws(ProgramError) {
        switch statement {
        case .declaration(let name, let value):
            try emit(value)
            if isMain {
                emit(.defineGlobal, names.global(name))
            } else {
                // In a loop, for example, it is the same variable each time.
                if localIndices[name] == nil { try declareLocal(name) }
                emitStore(name)
            }
        case .assignment(let name, let value):
            try emit(value)
            emitStore(name)
        case .update(let name, let opcode, let value):
            emitLoad(name)
            try emit(value)
            emit(opcode)
            emitStore(name)
        case .if(let condition, let body, let otherwise):
            try emitIf(condition, body, otherwise)
        case .while(let condition, let body): try emitWhile(condition, body)
        case .return(let value):
            if let value { try emit(value) } else { emit(.constant, constant(.none)) }
            emit(.return)
        case .break: loops[loops.count - 1].exits.append(emit(.jump))
        case .continue: emit(.jumpBack, loops[loops.count - 1].start)
        case .expression(let expression):
            try emit(expression)
            emit(.pop)
        }
    }

    private mutating func emitIf(
        _ condition: Expression, _ body: [Statement], _ otherwise: [Statement]
    ) throws(ProgramError) {
        try emit(condition)
        let toElse = emit(.jumpIfFalse)
        try emit(body)
        if otherwise.isEmpty {
            land(toElse)
            return
        }
        let toEnd = emit(.jump)
        land(toElse)
        try emit(otherwise)
        land(toEnd)
    }

    private mutating func emitWhile(
        _ condition: Expression, _ body: [Statement]
    ) throws(ProgramError) {
        let startLine = line
        loops.append(Loop(start: code.count))
        try emit(condition)
        let toEnd = emit(.jumpIfFalse)
        try emit(body)
        line = startLine
        let loop = loops.removeLast()
        emit(.jumpBack, loop.start)
        land(toEnd)
        for exit in loop.exits { land(exit) }
    }

    // MARK: Expressions

    private mutating func emit(_ expression: Expression) throws(ProgramError) {
        line = expression.line
        switch expression.kind {
        case .none: emit(.constant, constant(.none))
        case .integer(let value): emit(.constant, constant(.integer(value)))
        case .text(let text): emit(.constant, constant(.text(text)))
        case .name(let name): emitLoad(name)
        case .negated(let value):
            try emit(value)
            emit(.negate)
        case .not(let value):
            try emit(value)
            emit(.not)
        case .binary(let opcode, let left, let right):
            try emit(left)
            try emit(right)
            line = expression.line
            emit(opcode)
        case .and(let left, let right):
            try emit(left)
            let toEnd = emit(.jumpIfFalseOrPop)
            try emit(right)
            land(toEnd)
        case .or(let left, let right):
            try emit(left)
            let toEnd = emit(.jumpIfTrueOrPop)
            try emit(right)
            land(toEnd)
        case .call(let name, let arguments): try emitCall(name, arguments, expression.line)
        case .spawn(let name, let arguments):
            guard let function = names.functions[name] else {
                throw ProgramError(.unknownName(name), line: line)
            }
            try emit(arguments, for: name, count: function.parameters)
            line = expression.line
            emit(.spawn, function.index)
        }
    }

    private mutating func emitCall(
        _ name: String, _ arguments: [Expression], _ callLine: Int
    ) throws(ProgramError) {
        if name == Builtin.print {
            for argument in arguments { try emit(argument) }
            line = callLine
            emit(.print, arguments.count)
        } else if let builtin = Builtin.all[name] {
            try emit(arguments, for: name, count: builtin.parameters)
            line = callLine
            emit(builtin.opcode)
        } else if let function = names.functions[name] {
            try emit(arguments, for: name, count: function.parameters)
            line = callLine
            emit(.call, function.index)
        } else {
            throw ProgramError(.unknownName(name), line: line)
        }
    }

    private mutating func emit(
        _ arguments: [Expression], for name: String, count: Int
    ) throws(ProgramError) {
        guard arguments.count == count else {
            throw ProgramError(
                .wrongCount(of: name, wanted: count, given: arguments.count), line: line)
        }
        for argument in arguments { try emit(argument) }
    }
}
