/// Turns the words of a lab program into its syntax, by recursive descent.
struct Parser {
    static let depthLimit = 200

    private let tokens: [Token]
    private var position = 0
    private var depth = 0
    private var loops = 0
    private var isInFunction = false

    private init(_ tokens: [Token]) { self.tokens = tokens }

    static func parse(_ source: String) throws(ProgramError) -> ProgramSyntax {
        var parser = Parser(try Lexer.tokens(of: source))
        return try parser.program()
    }

    // MARK: Words

    private var next: Token { tokens[position] }

    private func isNext(_ symbol: String) -> Bool { next.kind == .symbol(symbol) }

    /// Skips `kind` if it is next.
    private mutating func skip(_ kind: Token.Kind) -> Bool {
        guard next.kind == kind, kind != .end else { return false }
        position += 1
        return true
    }

    private mutating func skip(_ symbol: String) -> Bool { skip(.symbol(symbol)) }

    private mutating func expect(_ symbol: String) throws(ProgramError) {
        if !skip(symbol) { throw wanted("'\(symbol)'") }
    }

    private mutating func expectName() throws(ProgramError) -> String {
        guard case .name(let name) = next.kind else { throw wanted("a name") }
        position += 1
        return name
    }

    private func wanted(_ what: String) -> ProgramError {
        ProgramError(.unexpected("\(next)", wanted: what), line: next.line)
    }

    private mutating func skipNewlines() { while skip(.newline) {} }

    /// Runs `body` one level deeper. The limit keeps the parser, and later the compiler, from
    /// overflowing the stack.
    private mutating func nested<Result>(
        _ body: (inout Parser) throws(ProgramError) -> Result
    ) throws(ProgramError) -> Result {
        guard depth < Parser.depthLimit else { throw ProgramError(.tooDeep, line: next.line) }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    /// Counts the links of a chain such as `1 + 2 + 3`, since each link is a level of the syntax
    /// too.
    private func count(_ links: inout Int) throws(ProgramError) {
        links += 1
        if links > Parser.depthLimit { throw ProgramError(.tooDeep, line: next.line) }
    }

    // MARK: Statements

    private mutating func program() throws(ProgramError) -> ProgramSyntax {
        var program = ProgramSyntax()
        skipNewlines()
        while next.kind != .end {
            if next.kind == .keyword(.fn) {
                program.functions.append(try function())
            } else {
                program.statements.append(try statement())
            }
            try endStatement()
        }
        return program
    }

    private mutating func endStatement() throws(ProgramError) {
        guard next.kind == .newline || next.kind == .end || isNext("}") else {
            throw wanted("the end of the line")
        }
        skipNewlines()
    }

    private mutating func function() throws(ProgramError) -> FunctionSyntax {
        let line = next.line
        position += 1
        let name = try expectName()
        var parameters: [String] = []
        try expect("(")
        while !isNext(")") {
            parameters.append(try expectName())
            if !skip(",") { break }
        }
        try expect(")")
        isInFunction = true
        defer { isInFunction = false }
        return FunctionSyntax(name: name, parameters: parameters, body: try block(), line: line)
    }

    private mutating func block() throws(ProgramError) -> [Statement] {
        try nested { (parser) throws(ProgramError) in
            try parser.expect("{")
            parser.skipNewlines()
            var statements: [Statement] = []
            while !parser.isNext("}") {
                if parser.next.kind == .end { throw parser.wanted("'}'") }
                statements.append(try parser.statement())
                try parser.endStatement()
            }
            try parser.expect("}")
            return statements
        }
    }

    private mutating func statement() throws(ProgramError) -> Statement {
        let line = next.line
        return Statement(kind: try statementKind(), line: line)
    }

    private mutating func statementKind() throws(ProgramError) -> Statement.Kind {
        let start = next
        switch start.kind {
        case .keyword(.var):
            position += 1
            let name = try expectName()
            try expect("=")
            return .declaration(name, try expression())
        case .keyword(.if):
            return try nested { (parser) throws(ProgramError) in try parser.conditional() }
        case .keyword(.while):
            position += 1
            let condition = try expression()
            loops += 1
            defer { loops -= 1 }
            return .while(condition, try block())
        case .keyword(.return):
            guard isInFunction else {
                throw ProgramError(.outsideOfFunction("return"), line: start.line)
            }
            position += 1
            let isBare = next.kind == .newline || isNext("}")
            return .return(isBare ? nil : try expression())
        case .keyword(.break), .keyword(.continue):
            let isBreak = start.kind == .keyword(.break)
            guard loops > 0 else {
                throw ProgramError(
                    .outsideOfLoop(isBreak ? "break" : "continue"), line: start.line)
            }
            position += 1
            return isBreak ? .break : .continue
        case .name(let name):
            if let change = try change(of: name) { return change }
            return .expression(try expression())
        default: return .expression(try expression())
        }
    }

    private mutating func conditional() throws(ProgramError) -> Statement.Kind {
        position += 1
        let condition = try expression()
        let body = try block()
        guard skip(.keyword(.else)) else { return .if(condition, body, else: []) }
        if next.kind == .keyword(.if) {
            return .if(condition, body, else: [try statement()])
        }
        return .if(condition, body, else: try block())
    }

    /// Parses an assignment, if one begins here.
    private mutating func change(of name: String) throws(ProgramError) -> Statement.Kind? {
        guard case .symbol(let symbol) = tokens[position + 1].kind else { return nil }
        let opcodes: [String: Opcode] = ["+=": .add, "-=": .subtract, "*=": .multiply]
        guard symbol == "=" || opcodes[symbol] != nil else { return nil }
        position += 2
        let value = try expression()
        guard let opcode = opcodes[symbol] else { return .assignment(name, value) }
        return .update(name, opcode, value)
    }

    // MARK: Expressions

    /// The operators, from the loosest binding to the tightest.
    private static let levels: [[String: Opcode]] = [
        [
            "==": .equal, "!=": .notEqual, "<": .less, "<=": .lessOrEqual, ">": .greater,
            ">=": .greaterOrEqual,
        ],
        ["+": .add, "-": .subtract],
        ["*": .multiply, "/": .divide, "%": .remainder],
    ]

    private mutating func expression() throws(ProgramError) -> Expression {
        try nested { (parser) throws(ProgramError) in
            var left = try parser.conjunction()
            var links = 0
            while parser.next.kind == .keyword(.or) {
                try parser.count(&links)
                let line = parser.next.line
                parser.position += 1
                left = Expression(kind: .or(left, try parser.conjunction()), line: line)
            }
            return left
        }
    }

    private mutating func conjunction() throws(ProgramError) -> Expression {
        var left = try negation()
        var links = 0
        while next.kind == .keyword(.and) {
            try count(&links)
            let line = next.line
            position += 1
            left = Expression(kind: .and(left, try negation()), line: line)
        }
        return left
    }

    private mutating func negation() throws(ProgramError) -> Expression {
        guard next.kind == .keyword(.not) else { return try binary(0) }
        let line = next.line
        position += 1
        return try nested { (parser) throws(ProgramError) in
            Expression(kind: .not(try parser.negation()), line: line)
        }
    }

    private mutating func binary(_ level: Int) throws(ProgramError) -> Expression {
        guard level < Parser.levels.count else { return try unary() }
        var left = try binary(level + 1)
        var links = 0
        while case .symbol(let symbol) = next.kind, let opcode = Parser.levels[level][symbol] {
            try count(&links)
            let line = next.line
            position += 1
            left = Expression(kind: .binary(opcode, left, try binary(level + 1)), line: line)
        }
        return left
    }

    private mutating func unary() throws(ProgramError) -> Expression {
        guard isNext("-") else { return try primary() }
        let line = next.line
        position += 1
        return try nested { (parser) throws(ProgramError) in
            Expression(kind: .negated(try parser.unary()), line: line)
        }
    }

    private mutating func primary() throws(ProgramError) -> Expression {
        let token = next
        let kind: Expression.Kind
        switch token.kind {
        case .integer(let value): kind = .integer(value)
        case .text(let text): kind = .text(text)
        case .keyword(.none): kind = .none
        case .name(let name) where tokens[position + 1].kind == .symbol("("):
            position += 1
            return Expression(kind: .call(name, try arguments()), line: token.line)
        case .name(let name): kind = .name(name)
        case .keyword(.spawn):
            position += 1
            let name = try expectName()
            return Expression(kind: .spawn(name, try arguments()), line: token.line)
        case .symbol("("):
            position += 1
            let inner = try expression()
            try expect(")")
            return inner
        default: throw wanted("a value")
        }
        position += 1
        return Expression(kind: kind, line: token.line)
    }

    private mutating func arguments() throws(ProgramError) -> [Expression] {
        var arguments: [Expression] = []
        try expect("(")
        while !isNext(")") {
            arguments.append(try expression())
            if !skip(",") { break }
        }
        try expect(")")
        return arguments
    }
}
