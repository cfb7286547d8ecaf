internal import Plait

/// One thread of a lab program: its stack and its place in the code.
///
/// It runs one instruction at a time and never waits. It returns an operation that has to wait, and
/// its owner carries the operation out. So the same engine runs freely on threads, and step by step
/// in a test.
package struct Interpreter {
    /// How deep calls may nest.
    package static let depthLimit = 500

    package enum Step {
        case next
        /// As `next`, at the end of a turn of a loop, where a thread may be stopped.
        case back
        /// An operation that may wait. The owner passes its result to ``resume(with:)``.
        case wait(Operation)
        /// As `wait`, for an operation that takes no time.
        case spawn(LoadedProgram.Function, [Value])
        case print(String)
        /// The thread's function has returned.
        case ended(Value)
    }

    /// The operations that an engine must not do while it keeps others from running.
    package enum Operation {
        case acquire(ProgramLock)
        case join(ProgramThread)
        case sleep(milliseconds: Int)
        case receive
        case send(String)
    }

    private struct Frame {
        let function: LoadedProgram.Function
        let place: Int
        let base: Int
    }

    private let program: LoadedProgram
    private let globals: Globals
    package private(set) var function: LoadedProgram.Function
    /// The place of the next instruction.
    package private(set) var place = 0
    /// Where the locals of the function begin on the stack.
    private var base = 0
    package private(set) var stack: [Value]
    private var frames: [Frame] = []

    /// - Parameter arguments: The arguments, as many as the function has parameters.
    package init(
        _ program: LoadedProgram, _ globals: Globals, function: LoadedProgram.Function? = nil,
        arguments: [Value] = []
    ) {
        self.program = program
        self.globals = globals
        self.function = function ?? program.functions[0]
        stack = arguments
        stack.append(contentsOf: repeatElement(.none, count: self.function.otherLocals))
    }

    package var instruction: Instruction { function.code[place] }
    package var line: Int { Int(function.code[place].line) }

    /// Passes in the result of an operation that a step asked for.
    package mutating func resume(with value: Value) { stack.append(value) }

    /// Runs the next instruction.
    package mutating func step() throws(ProgramError) -> Step {
        let instruction = function.code[place]
        let argument = Int(instruction.argument)
        place += 1
        switch instruction.opcode {
        case .constant: stack.append(function.constants[argument])
        case .loadLocal: stack.append(stack[base + argument])
        case .storeLocal: stack[base + argument] = stack.removeLast()
        case .loadGlobal:
            guard let value = globals.values[argument] else { throw unknown(argument) }
            stack.append(value)
        case .storeGlobal:
            if globals.values[argument] == nil { throw unknown(argument) }
            globals.values[argument] = stack.removeLast()
        case .defineGlobal: globals.values[argument] = stack.removeLast()
        case .pop: stack.removeLast()
        case .add, .subtract, .multiply, .divide, .remainder, .less, .lessOrEqual, .greater,
            .greaterOrEqual:
            let right = stack.removeLast()
            let left = stack.removeLast()
            stack.append(try compute(instruction.opcode, left, right))
        case .equal:
            let right = stack.removeLast()
            stack.append(.integer(stack.removeLast().isEqual(to: right) ? 1 : 0))
        case .notEqual:
            let right = stack.removeLast()
            stack.append(.integer(stack.removeLast().isEqual(to: right) ? 0 : 1))
        case .not: stack.append(.integer(stack.removeLast().isTrue ? 0 : 1))
        case .negate, .length, .text, .integer: try convert(instruction.opcode)
        case .jump: place = argument
        case .jumpBack:
            place = argument
            return .back
        case .jumpIfFalse: if !stack.removeLast().isTrue { place = argument }
        case .jumpIfFalseOrPop: jump(to: argument, if: false)
        case .jumpIfTrueOrPop: jump(to: argument, if: true)
        case .call: try call(program.functions[argument])
        case .return:
            let result = stack.removeLast()
            stack.removeSubrange(base...)
            guard let frame = frames.popLast() else { return .ended(result) }
            function = frame.function
            place = frame.place
            base = frame.base
            stack.append(result)
        case .spawn:
            let target = program.functions[argument]
            return .spawn(target, takeLast(target.parameterCount))
        case .print: return .print(takeLast(argument).map(\.text).joined(separator: " "))
        case .lock: stack.append(.lock(ProgramLock()))
        case .release: try release()
        case .acquire, .join, .sleep, .receive, .send:
            return .wait(try operation(instruction.opcode))
        }
        return .next
    }

    // MARK: What instructions do

    private mutating func takeLast(_ count: Int) -> [Value] {
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func jump(to target: Int, if condition: Bool) {
        if stack[stack.count - 1].isTrue == condition {
            place = target
        } else {
            stack.removeLast()
        }
    }

    private mutating func call(_ target: LoadedProgram.Function) throws(ProgramError) {
        guard frames.count < Interpreter.depthLimit else {
            throw error(.stackDepth(limit: Interpreter.depthLimit))
        }
        frames.append(Frame(function: function, place: place, base: base))
        base = stack.count - target.parameterCount
        function = target
        place = 0
        stack.append(contentsOf: repeatElement(.none, count: target.otherLocals))
    }

    private mutating func release() throws(ProgramError) {
        let value = stack.removeLast()
        guard case .lock(let lock) = value else { throw wrongType("a lock", value, .release) }
        guard lock.lock.isLocked else { throw error(.releaseOfFreeLock) }
        lock.lock.release()
        stack.append(.none)
    }

    private mutating func operation(_ opcode: Opcode) throws(ProgramError) -> Operation {
        if opcode == .receive { return .receive }
        let value = stack.removeLast()
        switch (opcode, value) {
        case (.acquire, .lock(let lock)): return .acquire(lock)
        case (.acquire, _): throw wrongType("a lock", value, opcode)
        case (.join, .thread(let thread)): return .join(thread)
        case (.join, _): throw wrongType("a thread", value, opcode)
        case (.sleep, .integer(let count)): return .sleep(milliseconds: count)
        case (.sleep, _): throw wrongType("an integer", value, opcode)
        case (_, .text(let text)): return .send(text)
        default: throw wrongType("a string", value, opcode)
        }
    }

    private mutating func convert(_ opcode: Opcode) throws(ProgramError) {
        let value = stack.removeLast()
        switch (opcode, value) {
        case (.negate, .integer(let number)):
            let (result, overflow) = (0).subtractingReportingOverflow(number)
            if overflow { throw error(.integerOverflow) }
            stack.append(.integer(result))
        case (.length, .text(let text)): stack.append(.integer(text.count))
        case (.text, _): stack.append(.text(value.text))
        case (.integer, .integer): stack.append(value)
        case (.integer, .text(let text)):
            guard let number = Int(text) else { throw error(.notAnInteger(text)) }
            stack.append(.integer(number))
        case (.length, _): throw wrongType("a string", value, opcode)
        default: throw wrongType("an integer", value, opcode)
        }
    }

    private func compute(
        _ opcode: Opcode, _ left: Value, _ right: Value
    ) throws(ProgramError) -> Value {
        switch (left, right) {
        case (.integer(let left), .integer(let right)): return try compute(opcode, left, right)
        case (.text(let left), .text(let right)):
            switch opcode {
            case .add: return .text(left + right)
            case .less: return .integer(left < right ? 1 : 0)
            case .lessOrEqual: return .integer(left <= right ? 1 : 0)
            case .greater: return .integer(left > right ? 1 : 0)
            case .greaterOrEqual: return .integer(left >= right ? 1 : 0)
            default: throw wrongType("integers", .text(left), opcode)
            }
        case (.integer, _): throw wrongType("another integer", right, opcode)
        case (.text, _): throw wrongType("another string", right, opcode)
        default: throw wrongType("integers", left, opcode)
        }
    }

    private func compute(
        _ opcode: Opcode, _ left: Int, _ right: Int
    ) throws(ProgramError) -> Value {
        let result: (partialValue: Int, overflow: Bool)
        switch opcode {
        case .add: result = left.addingReportingOverflow(right)
        case .subtract: result = left.subtractingReportingOverflow(right)
        case .multiply: result = left.multipliedReportingOverflow(by: right)
        case .divide, .remainder:
            if right == 0 { throw error(.divisionByZero) }
            result =
                opcode == .divide
                ? left.dividedReportingOverflow(by: right)
                : left.remainderReportingOverflow(dividingBy: right)
        case .less: return .integer(left < right ? 1 : 0)
        case .lessOrEqual: return .integer(left <= right ? 1 : 0)
        case .greater: return .integer(left > right ? 1 : 0)
        default: return .integer(left >= right ? 1 : 0)
        }
        if result.overflow { throw error(.integerOverflow) }
        return .integer(result.partialValue)
    }

    // MARK: Errors

    /// An error in the line of the last instruction.
    package func error(_ kind: ProgramError.Kind) -> ProgramError {
        ProgramError(kind, line: Int(function.code[max(0, place - 1)].line))
    }

    private func unknown(_ global: Int) -> ProgramError {
        error(.unknownName(globals.names[global]))
    }

    private func wrongType(_ wanted: String, _ value: Value, _ opcode: Opcode) -> ProgramError {
        error(.wrongType(wanted: wanted, given: value.typeName, in: opcode.mnemonic))
    }
}
