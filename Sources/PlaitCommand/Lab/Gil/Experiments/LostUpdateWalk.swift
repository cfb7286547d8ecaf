internal import Plait
internal import PlaitMachine

/// Two threads each add one to `count`, one instruction at a time. They are switched at the
/// critical places: after the first has loaded `count`, and after the second has stored it.
struct LostUpdateWalk: Encodable, Sendable, Equatable {
    struct Step: Encodable, Sendable, Equatable {
        let thread: String
        let line: Int
        let instruction: String
        /// The stack after the instruction.
        let stack: String
        let count: String
        /// Whether the thread waits for a lock, so that nothing has happened.
        let isBlocked: Bool
    }

    let steps: [Step]
    let increments = 2
    let count: Int
    /// The disassembly of the function that both run.
    let disassembly: [String]

    static func source(usingLock: Bool) -> String {
        usingLock
            ? """
            var count = 0
            var guard = lock()
            fn add() {
                acquire(guard)
                count += 1
                release(guard)
            }
            """
            : """
            var count = 0
            fn add() {
                count += 1
            }
            """
    }

    /// Walks through the program. The schedule is fixed, and so is the result.
    init(usingLock: Bool) throws {
        let program = try LoadedProgram(source: LostUpdateWalk.source(usingLock: usingLock))
        let globals = Globals(names: program.bytecode.globalNames)
        var main = Interpreter(program, globals)
        while true {
            if case .ended = try main.step() { break }
        }
        var walk = Walk(program, globals)
        try walk.run(0, until: .loadGlobal)
        try walk.run(1, until: .storeGlobal)
        // The blocked thread goes on when the other has ended.
        try walk.run(0, until: nil)
        try walk.run(1, until: nil)
        steps = walk.steps
        guard case .integer(let count) = globals["count"] else {
            throw CommandFailure("the program has lost its count")
        }
        self.count = count
        let disassembler = Disassembler(bytecode: program.bytecode)
        disassembly = disassembler.lines(of: program.functions[1].compiled)
    }

    private struct Walk {
        private let names = ["A", "B"]
        private let globals: Globals
        private let disassembler: Disassembler
        private var threads: [Interpreter]
        private var hasEnded = [false, false]
        private(set) var steps: [Step] = []

        init(_ program: LoadedProgram, _ globals: Globals) {
            self.globals = globals
            disassembler = Disassembler(bytecode: program.bytecode)
            threads = names.map { _ in
                Interpreter(program, globals, function: program.functions[1])
            }
        }

        /// Runs a thread until it has executed `last` on `count`, is blocked, or has ended.
        mutating func run(_ number: Int, until last: Opcode?) throws {
            while !hasEnded[number] {
                let before = threads[number]
                let text = disassembler.text(
                    of: before.instruction, in: before.function.compiled)
                let step = try threads[number].step()
                var isBlocked = false
                switch step {
                case .ended: hasEnded[number] = true
                case .wait(.acquire(let lock)):
                    isBlocked = !lock.lock.tryAcquire()
                    // The thread tries again at its next turn.
                    if isBlocked {
                        threads[number] = before
                    } else {
                        threads[number].resume(with: .none)
                    }
                case .wait, .spawn, .print, .next, .back: break
                }
                steps.append(
                    Step(
                        thread: names[number], line: before.line, instruction: text,
                        stack: threads[number].stack.map(\.text).joined(separator: " "),
                        count: globals["count"]?.text ?? "-", isBlocked: isBlocked))
                if isBlocked { return }
                if before.instruction.opcode == last && text.hasSuffix(" count") { return }
            }
        }
    }
}
