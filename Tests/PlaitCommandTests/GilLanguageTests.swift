import Testing

@testable import PlaitCommand
@testable import PlaitMachine

/// The lexer, the parser, the compiler and the disassembler of the lab's language.
struct GilLanguageTests {
    private func kinds(_ source: String) throws -> [Token.Kind] {
        try Lexer.tokens(of: source).map(\.kind)
    }

    private func error(_ source: String) -> ProgramError? {
        do {
            _ = try Bytecode.compile(source)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Words

    @Test func `words are names, keywords, numbers, strings and symbols`() throws {
        #expect(
            try kinds("while x1 <= 10 { print(\"a\\n\\\"b\\\"\") } # gone") == [
                .keyword(.while), .name("x1"), .symbol("<="), .integer(10), .symbol("{"),
                .name("print"), .symbol("("), .text("a\n\"b\""), .symbol(")"), .symbol("}"),
                .newline, .end,
            ])
    }

    @Test func `lines are counted, and end no statement within parentheses`() throws {
        let tokens = try Lexer.tokens(of: "a\n(b\nc)\nd")
        #expect(tokens.map(\.line) == [1, 1, 2, 2, 3, 3, 3, 4, 4, 4])
        #expect(tokens.count { $0.kind == .newline } == 3)
    }

    @Test func `what is no word is an error in its line`() {
        #expect(error("\n@") == ProgramError(.unexpectedCharacter("@"), line: 2))
        #expect(error("var a = \"open\n") == ProgramError(.unterminatedString, line: 1))
        #expect(error("\"\\q\"") == ProgramError(.unexpectedCharacter("q"), line: 1))
        let digits = "99999999999999999999"
        #expect(error("\n\nvar a = \(digits)") == ProgramError(.integerTooLarge(digits), line: 3))
    }

    // MARK: Sentences

    @Test func `what is no sentence is an error in its line`() {
        #expect(error("var = 1")?.description == "line 1: found '=' instead of a name")
        #expect(error("\nif 1 {\nprint(1)")?.description.hasSuffix("instead of '}'") == true)
        #expect(error("print(1")?.kind == .unexpected("the end of the line", wanted: "')'"))
        #expect(error("1 2")?.kind == .unexpected("2", wanted: "the end of the line"))
        #expect(error("x = ")?.kind == .unexpected("the end of the line", wanted: "a value"))
        #expect(error("\nbreak") == ProgramError(.outsideOfLoop("break"), line: 2))
        #expect(error("continue")?.kind == .outsideOfLoop("continue"))
        #expect(error("return 1")?.kind == .outsideOfFunction("return"))
        #expect(error("fn f(a) {}\nf()")?.description == "line 2: 'f' takes 1 argument, not 0")
        #expect(error("len(1, 2)")?.kind == .wrongCount(of: "len", wanted: 1, given: 2))
        #expect(error("f()")?.kind == .unknownName("f"))
        #expect(error("spawn print(1)")?.kind == .unknownName("print"))
        #expect(error("fn f() {}\nfn f() {}") == ProgramError(.duplicate("f"), line: 2))
        #expect(error("fn print() {}")?.kind == .duplicate("print"))
        #expect(error("fn f(a, a) {}")?.kind == .duplicate("a"))
    }

    @Test(arguments: ["(", "-", "not ", "1 + ", "if 1 {\n"])
    func `nesting has a limit, before the parser's stack has`(_ piece: String) {
        #expect(error(String(repeating: piece, count: 5_000))?.kind == .tooDeep)
    }

    // MARK: Code

    @Test func `a function is compiled to this`() throws {
        let bytecode = try Bytecode.compile(
            """
            var total = 0
            fn add(n) {
                var i = 0
                while i < n and total >= 0 {
                    total += 1
                    i = i + 1
                }
                return total
            }
            add(3)
            """)
        #expect(
            "\(Disassembler(bytecode: bytecode))" == """
                main():
                   1     0  CONSTANT             0
                         1  DEFINE_GLOBAL        total
                  10     2  CONSTANT             3
                         3  CALL                 add
                         4  POP
                         5  CONSTANT             none
                         6  RETURN

                add(n):
                   3     0  CONSTANT             0
                         1  STORE_LOCAL          i
                   4     2  LOAD_LOCAL           i
                         3  LOAD_LOCAL           n
                         4  LESS
                         5  JUMP_IF_FALSE_OR_POP to 9
                         6  LOAD_GLOBAL          total
                         7  CONSTANT             0
                         8  GREATER_OR_EQUAL
                         9  JUMP_IF_FALSE        to 19
                   5    10  LOAD_GLOBAL          total
                        11  CONSTANT             1
                        12  ADD
                        13  STORE_GLOBAL         total
                   6    14  LOAD_LOCAL           i
                        15  CONSTANT             1
                        16  ADD
                        17  STORE_LOCAL          i
                   4    18  JUMP_BACK            to 2
                   8    19  LOAD_GLOBAL          total
                        20  RETURN
                        21  CONSTANT             none
                        22  RETURN

                """)
    }

    @Test func `what is compiled is sound, and what points nowhere is not`() throws {
        let good = try Bytecode.compile("fn f(a) { while a { break } }\nprint(f(1), spawn f(2))")
        #expect(good.isSound)
        for (index, function) in good.functions.enumerated() {
            for place in function.code.indices where function.code[place].opcode.argument != .count
            {
                var code = function.code
                code[place].argument = 1_000
                var functions = good.functions
                functions[index] = CompiledFunction(
                    name: function.name, parameterCount: function.parameterCount,
                    localNames: function.localNames, constants: function.constants, code: code)
                #expect(!Bytecode(functions: functions, globalNames: good.globalNames).isSound)
            }
        }
    }
}
