import Plait
import TestSupport
import Testing

@testable import PlaitCommand
@testable import PlaitMachine

/// Lab programs that run.
@Suite(.timeLimit(.hang))
struct GilMachineTests {
    /// What a program prints.
    private func output(
        _ source: String, _ policy: InterpreterLockPolicy = .interval(),
        _ connection: (any ProgramConnection)? = nil
    ) async throws -> [String] {
        let lines = Box<[String]>([])
        let machine = Machine(try LoadedProgram(source: source), policy, connection: connection) {
            line in lines.update { $0.append(line) }
        }
        try await onThread { try machine.run() }
        #expect(!machine.lock.isLocked)
        return lines.value
    }

    private func error(_ source: String) async -> ProgramError? {
        do {
            _ = try await output(source)
            return nil
        } catch {
            return error as? ProgramError
        }
    }

    @Test func `expressions are computed`() async throws {
        let lines = try await output(
            """
            print(2 + 3 * 4, (2 + 3) * 4, 17 / 5, 17 % 5, -7 / 2, 10 - 2 - 3)
            print(1 < 2, 2 <= 1, 1 == 1, 1 != 1, "a" < "b", "a" == 1, none == none, 3 > 2, 2 >= 3)
            print(not 0, 0 or "x", 1 and "", none and missing, 1 or missing)
            print("a" + "b", len("abc"), str(12) + "!", int("-5") - 1, - - 3)
            """)
        #expect(
            lines == [
                "14 20 3 2 -3 5", "1 0 1 0 1 0 1 1 0", "1 x  none 1", "ab 3 12! -6 3",
            ])
    }

    @Test func `statements steer`() async throws {
        let lines = try await output(
            """
            fn kind(n) {
                if n < 0 { return "negative" } else if n == 0 { return "zero" }
                else_is = "positive"; return else_is
            }
            var else_is = ""
            print(kind(-1), kind(0), kind(1))
            var i = 0
            while 1 {
                i += 1
                if i == 2 { continue }
                if i > 4 { break }
                var square = i * i
                print(i, square)
            }
            fn factorial(n) { if n < 2 { return 1 }
                return n * factorial(n - 1) }
            print(factorial(20))
            fn nothing() { var a = 1 }
            print(nothing())
            """)
        #expect(
            lines == [
                "negative zero positive", "1 1", "3 9", "4 16", "2432902008176640000", "none",
            ])
    }

    @Test func `a function's variables are its own`() async throws {
        let lines = try await output(
            """
            var a = 1
            fn local() { var a = 10; a += 1; return a }
            fn global() { a += 1; return a }
            print(local(), global(), a)
            """)
        #expect(lines == ["11 2 2"])
    }

    @Test func `errors name their line`() async {
        #expect(await error("var a = 1\nprint(b)") == ProgramError(.unknownName("b"), line: 2))
        #expect(await error("a = 1") == ProgramError(.unknownName("a"), line: 1))
        #expect(await error("\n\n1 / 0") == ProgramError(.divisionByZero, line: 3))
        #expect(await error("1 % (2 - 2)")?.kind == .divisionByZero)
        #expect(await error("9223372036854775807 + 1")?.kind == .integerOverflow)
        #expect(await error("(-9223372036854775807 - 1) / -1")?.kind == .integerOverflow)
        #expect(await error("int(\"x\")")?.kind == .notAnInteger("x"))
        #expect(
            await error("fn f(n) {\nreturn f(n + 1) }\nf(0)")
                == ProgramError(.stackDepth(limit: Interpreter.depthLimit), line: 2))
        #expect(
            await error("1 + \"a\"")?.description
                == "line 1: ADD needs another integer, not a string")
        let wrong = [
            "none + 1", "\"a\" - \"b\"", "-\"a\"", "len(1)", "int(none)", "join(1)", "acquire(1)",
            "release(none)", "sleep(\"1\")", "send(1)",
        ]
        for source in wrong {
            guard case .wrongType = await error(source)?.kind else {
                Issue.record("\(source) is no wrong type")
                continue
            }
        }
        #expect(await error("release(lock())")?.kind == .releaseOfFreeLock)
        #expect(await error("receive()")?.kind == .connection("there is none"))
    }

    // MARK: Threads

    @Test func `threads return values to who joins them`() async throws {
        let lines = try await output(
            """
            fn double(n) { sleep(1); return n * 2 }
            var one = spawn double(4)
            var two = spawn double(5)
            print(join(two), join(one), join(one), one)
            """)
        #expect(lines == ["10 8 8 double-1"])
    }

    @Test func `an error in one thread ends the others, and the program`() async throws {
        let source = """
            fn forever() { while 1 { } }
            fn asleep() { sleep(3600000) }
            fn wrong() {
                sleep(1)
                return 1 / 0
            }
            spawn forever()
            spawn asleep()
            join(spawn wrong())
            forever()
            """
        #expect(await error(source) == ProgramError(.divisionByZero, line: 5))
    }

    @Test(arguments: [
        InterpreterLockPolicy.interval(.microseconds(50)), .interval(), .ticks(every: 1),
        .ticks(every: 7),
    ])
    func `what a program guards with a lock is not lost`(
        _ policy: InterpreterLockPolicy
    ) async throws {
        let lines = try await output(
            """
            var count = 0
            var guard = lock()
            fn add(n) {
                while n > 0 {
                    acquire(guard)
                    count += 1
                    release(guard)
                    n -= 1
                }
            }
            var one = spawn add(2000)
            var two = spawn add(2000)
            add(2000)
            join(one)
            join(two)
            print(count)
            """, policy)
        #expect(lines == ["6000"])
    }

    @Test func `who waits for a message lets others run`() async throws {
        struct Connection: ProgramConnection {
            let incoming = Queue<String>(capacity: 4)
            let outgoing = Box<[String]>([])
            func receive() throws -> String { try incoming.get() }
            func send(_ text: String) throws {
                outgoing.update { $0.append(text) }
                try incoming.put("")
            }
        }
        let connection = Connection()
        let lines = Box<[String]>([])
        let machine = Machine(
            try LoadedProgram(
                source: """
                    fn serve() {
                        var message = receive()
                        while message != "" { send(message + "!"); message = receive() }
                    }
                    var server = spawn serve()
                    print("free")
                    join(server)
                    """), connection: connection
        ) { line in
            lines.update { $0.append(line) }
            _ = try? connection.incoming.tryPut("hello")
        }
        try await onThread { try machine.run() }
        #expect(lines.value == ["free"])
        #expect(connection.outgoing.value == ["hello!"])
        #expect(machine.steps > 10)
    }

    // MARK: The lost update

    @Test func `switched between load and store, one update is lost: always`() throws {
        let walk = try LostUpdateWalk(usingLock: false)
        #expect(walk.count == 1)
        #expect(
            walk.steps.map { "\($0.thread) \($0.instruction.split(separator: " ")[0]) \($0.count)" }
                == [
                    "A LOAD_GLOBAL 0",
                    "B LOAD_GLOBAL 0", "B CONSTANT 0", "B ADD 0", "B STORE_GLOBAL 1",
                    "A CONSTANT 1", "A ADD 1", "A STORE_GLOBAL 1", "A CONSTANT 1", "A RETURN 1",
                    "B CONSTANT 1", "B RETURN 1",
                ])
        #expect(try LostUpdateWalk(usingLock: false) == walk)
    }

    @Test func `with a lock around it, the same switch loses nothing`() throws {
        let walk = try LostUpdateWalk(usingLock: true)
        #expect(walk.count == 2)
        #expect(walk.steps.count { $0.isBlocked } == 1)
        let order = walk.steps.map(\.thread).reduce(into: [String]()) { order, thread in
            if order.last != thread { order.append(thread) }
        }
        #expect(order == ["A", "B", "A", "B"])
    }
}
