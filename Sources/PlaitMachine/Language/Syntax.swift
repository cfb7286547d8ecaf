/// An expression of a lab program.
struct Expression {
    indirect enum Kind {
        case none
        case integer(Int)
        case text(String)
        case name(String)
        case negated(Expression)
        case not(Expression)
        case binary(Opcode, Expression, Expression)
        /// The right side is evaluated only if the left side is true.
        case and(Expression, Expression)
        case or(Expression, Expression)
        case call(String, [Expression])
        case spawn(String, [Expression])
    }

    let kind: Kind
    let line: Int
}

/// A statement of a lab program.
struct Statement {
    indirect enum Kind {
        case declaration(String, Expression)
        case assignment(String, Expression)
        /// `name += value`, with the operation.
        case update(String, Opcode, Expression)
        case `if`(Expression, [Statement], else: [Statement])
        case `while`(Expression, [Statement])
        case `return`(Expression?)
        case `break`
        case `continue`
        case expression(Expression)
    }

    let kind: Kind
    let line: Int
}

/// A function of a lab program.
struct FunctionSyntax {
    let name: String
    let parameters: [String]
    let body: [Statement]
    let line: Int
}

/// A whole lab program: its functions, and the statements outside of functions, which run first.
struct ProgramSyntax {
    var functions: [FunctionSyntax] = []
    var statements: [Statement] = []
}
