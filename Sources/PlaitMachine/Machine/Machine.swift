package import Plait
internal import Synchronization

/// The connection that a program's `receive` and `send` use.
package protocol ProgramConnection: Sendable {
    /// The next message; empty at the end.
    func receive() throws -> String
    func send(_ text: String) throws
}

/// A running lab program. Its threads are threads of Plait, and one at a time holds the interpreter
/// lock.
package final class Machine: @unchecked Sendable {
    // Sendable: `lock`, the interpreter lock, guards `threads`, `globals`, `firstError` and
    // `threadCount`.
    package let program: LoadedProgram
    package let lock: InterpreterLock
    package let globals: Globals
    private let connection: (any ProgramConnection)?
    private let print: @Sendable (String) -> Void
    private let isStopped = Atomic<Bool>(false)
    private var threads: [JoinHandle<Void>] = []
    private var threadCount = 0
    private var firstError: (any Error)?
    private let stepCount = Atomic<Int>(0)

    /// How many instructions the ended threads have executed.
    package var steps: Int { stepCount.load(ordering: .relaxed) }

    package init(
        _ program: LoadedProgram, _ policy: InterpreterLockPolicy = .interval(),
        connection: (any ProgramConnection)? = nil, print: @escaping @Sendable (String) -> Void
    ) {
        self.program = program
        lock = InterpreterLock(policy)
        globals = Globals(names: program.bytecode.globalNames)
        self.connection = connection
        self.print = print
    }

    /// Runs the program. The statements outside of functions run on the calling strand, and the
    /// rest on threads. Returns when all have ended. An error in one of them stops the others.
    ///
    /// - Throws: The first ``ProgramError``; `CancellationError`.
    package func run() throws {
        run(Interpreter(program, globals), as: nil)
        var joined = 0
        while true {
            let next = lock.withLock { joined < threads.count ? threads[joined] : nil }
            guard let next else { break }
            joined += 1
            do { try next.join() } catch { fail(error) }
            // A cancelled thread has not ended yet.
            while next.isAlive { _ = try? next.join() }
        }
        if let error = lock.withLock({ firstError }) { throw error }
    }

    /// Ends every thread at the next turn of its loop. Never waits. It does not end threads that
    /// wait; cancel the strand in ``run()`` for that.
    package func stop() { isStopped.store(true, ordering: .relaxed) }

    private func fail(_ error: any Error) {
        let threads = lock.withLock {
            if firstError == nil { firstError = error }
            return self.threads
        }
        stop()
        for thread in threads { thread.cancel() }
    }

    /// Runs one thread of the program to its end.
    private func run(_ start: Interpreter, as thread: ProgramThread?) {
        var interpreter = start
        var steps = 0
        do {
            try lock.withLock {
                let result = try loop(&interpreter, &steps)
                thread?.finish(result)
            }
        } catch {
            fail(error)
        }
        stepCount.wrappingAdd(steps, ordering: .relaxed)
        thread?.hasEnded.set()
    }

    private func loop(_ interpreter: inout Interpreter, _ steps: inout Int) throws -> Value {
        while true {
            lock.check()
            steps += 1
            switch try interpreter.step() {
            case .next: break
            case .back:
                if isStopped.load(ordering: .relaxed) { throw interpreter.error(.stopped) }
            case .print(let line):
                print(line)
                interpreter.resume(with: .none)
            case .spawn(let function, let arguments):
                interpreter.resume(with: .thread(spawn(function, arguments)))
            case .wait(let operation):
                interpreter.resume(with: try perform(operation, for: interpreter))
            case .ended(let value): return value
            }
        }
    }

    private func spawn(_ function: LoadedProgram.Function, _ arguments: [Value]) -> ProgramThread {
        threadCount += 1
        let thread = ProgramThread(name: "\(function.compiled.name)-\(threadCount)")
        let interpreter = Interpreter(program, globals, function: function, arguments: arguments)
        let handle = Plait.spawn(.thread, name: thread.name) { self.run(interpreter, as: thread) }
        threads.append(handle)
        // The system may have refused the thread. Nobody else would tell the threads that join it.
        if !handle.isAlive { thread.hasEnded.set() }
        return thread
    }

    /// Performs an operation for which the program waits, while other threads run.
    private func perform(
        _ operation: Interpreter.Operation, for interpreter: Interpreter
    ) throws -> Value {
        switch operation {
        case .acquire(let lock):
            // As in Python, a free lock needs no switch.
            if !lock.lock.tryAcquire() { try self.lock.allowThreads { try lock.lock.acquire() } }
            return .none
        case .join(let thread):
            if !thread.isFinished { try lock.allowThreads { try thread.hasEnded.wait() } }
            return thread.result
        case .sleep(let milliseconds):
            try lock.allowThreads { try Strand.sleep(for: .milliseconds(max(0, milliseconds))) }
            return .none
        case .receive:
            return .text(try onConnection(interpreter) { try $0.receive() })
        case .send(let text):
            try onConnection(interpreter) { try $0.send(text) }
            return .none
        }
    }

    private func onConnection<Result>(
        _ interpreter: Interpreter, _ body: (any ProgramConnection) throws -> Result
    ) throws -> Result {
        guard let connection else { throw interpreter.error(.connection("there is none")) }
        do {
            return try lock.allowThreads { try body(connection) }
        } catch let error as CancellationError {
            throw error
        } catch {
            throw interpreter.error(.connection("\(error)"))
        }
    }
}
