/// A word of a lab program.
struct Token: Equatable, CustomStringConvertible {
    enum Kind: Equatable {
        case integer(Int)
        case text(String)
        case name(String)
        case keyword(Keyword)
        case symbol(String)
        /// The end of a statement: the end of a line, or `;`.
        case newline
        case end
    }

    enum Keyword: String, CaseIterable {
        case and, `break`, `continue`, `else`, fn, `if`, none, not, or, `return`, spawn, `var`
        case `while`
    }

    let kind: Kind
    let line: Int

    var description: String {
        switch kind {
        case .integer(let value): "\(value)"
        case .text(let text): "\"\(text)\""
        case .name(let name): "'\(name)'"
        case .keyword(let word): "'\(word.rawValue)'"
        case .symbol(let symbol): "'\(symbol)'"
        case .newline: "the end of the line"
        case .end: "the end of the program"
        }
    }
}

/// Turns the text of a lab program into words.
struct Lexer {
    private static let pairs: Set<String> = ["==", "!=", "<=", ">=", "+=", "-=", "*="]
    private static let singles = Set("+-*/%<>=(){},")

    private let characters: [Character]
    private var position = 0
    private var line = 1
    /// How many parentheses are open. Inside them the end of a line does not end a statement.
    private var parentheses = 0
    private var tokens: [Token] = []

    private init(_ source: String) { characters = Array(source) }

    static func tokens(of source: String) throws(ProgramError) -> [Token] {
        var lexer = Lexer(source)
        while let next = lexer.peek { try lexer.read(next) }
        lexer.add(.newline)
        lexer.add(.end)
        return lexer.tokens
    }

    private var peek: Character? { position < characters.count ? characters[position] : nil }

    private mutating func add(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

    private mutating func read(_ next: Character) throws(ProgramError) {
        switch next {
        case "#": while let next = peek, !next.isNewline { position += 1 }
        case ";":
            position += 1
            add(.newline)
        case _ where next.isNewline:
            if parentheses == 0 { add(.newline) }
            position += 1
            line += 1
        case _ where next.isWhitespace: position += 1
        case "\"": try readText()
        case _ where next.isASCII && next.isNumber: try readInteger()
        case _ where next.isLetter || next == "_":
            let word = take { $0.isLetter || $0.isNumber || $0 == "_" }
            add(Token.Keyword(rawValue: word).map { .keyword($0) } ?? .name(word))
        default: try readSymbol(next)
        }
    }

    private mutating func take(while isPart: (Character) -> Bool) -> String {
        let start = position
        while let next = peek, isPart(next) { position += 1 }
        return String(characters[start..<position])
    }

    private mutating func readInteger() throws(ProgramError) {
        let digits = take { $0.isASCII && $0.isNumber }
        guard let value = Int(digits) else {
            throw ProgramError(.integerTooLarge(digits), line: line)
        }
        add(.integer(value))
    }

    private mutating func readText() throws(ProgramError) {
        var text = ""
        position += 1
        while let next = peek, !next.isNewline {
            position += 1
            if next == "\"" {
                add(.text(text))
                return
            }
            guard next == "\\" else {
                text.append(next)
                continue
            }
            guard let escaped = peek else { break }
            position += 1
            switch escaped {
            case "n": text.append("\n")
            case "t": text.append("\t")
            case "\\", "\"": text.append(escaped)
            default: throw ProgramError(.unexpectedCharacter(escaped), line: line)
            }
        }
        throw ProgramError(.unterminatedString, line: line)
    }

    private mutating func readSymbol(_ first: Character) throws(ProgramError) {
        let second = position + 1 < characters.count ? String(characters[position + 1]) : ""
        if Lexer.pairs.contains(String(first) + second) {
            position += 2
            add(.symbol(String(first) + second))
            return
        }
        guard Lexer.singles.contains(first) else {
            throw ProgramError(.unexpectedCharacter(first), line: line)
        }
        position += 1
        if first == "(" { parentheses += 1 }
        if first == ")" { parentheses = max(0, parentheses - 1) }
        add(.symbol(String(first)))
    }
}
