internal import Glibc
internal import PlaitLoop
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import Synchronization

/// A program of its own for what concerns a whole process: its end, its main thread, its signals.
/// Does what its argument says and prints what came of it.
@main
struct ThreadProbe {
    static func main() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "join": join()
        case "daemon": try daemon()
        case "busy-daemons": try busyDaemons()
        case "exit-in-thread": try exitInThread()
        case "exit-in-worker": try exitInWorker()
        case "exit-in-blocking": try exitInBlocking()
        case "exit-in-fiber": try exitInFiber()
        case "exit-in-callback": try exitInCallback()
        case "joined-exit": try joinedExit()
        case "late-threads": lateThreads()
        case "pools-after-main": poolsAfterMain()
        case "join-main-first": try joinMainFirst()
        case "hub-monitor":
            try spawn(.fiber) { print(HubMonitor.isRunning) }.join()
        case "main-fibers": mainFibers()
        case "hub": try forgottenHub()
        case "actions": try actions()
        case "late-action": try lateAction()
        case "forced": try forced()
        case "locals": try locals()
        case "uncaught": uncaught()
        case "fatal": try fatal()
        case "signals": try signals()
        case "interrupt": try interrupt()
        case "dump": try Sleeping.listed()
        case "dump-early": try Sleeping.listedLate()
        case "asleep": try Sleeping.threadsAndFibers()
        case "asleep-fibers": try Sleeping.fibers()
        case "asleep-awake": try Sleeping.allButOne()
        case "asleep-handler": try Sleeping.withHandler()
        case "asleep-alarm": try Sleeping.withAlarm()
        default: fatalError("no such probe")
        }
    }

    // MARK: The end

    /// A thread that waits for the end of `main` still does its work.
    private static func join() {
        spawn(.thread) {
            try Strand.main.join()
            print("main has ended:", !Strand.main.isAlive)
        }
        print("main ends")
    }

    /// A daemon is not waited for, and the exit's code is the one that was asked for.
    private static func daemon() throws {
        let runs = Event()
        spawn(.thread, isDaemon: true) {
            runs.set()
            try Event().wait()
            print("the daemon went on")
        }
        try runs.wait()
        exit(7)
    }

    /// Daemons that read, write and allocate while the process ends.
    private static func busyDaemons() throws {
        let running = CountingSemaphore(permits: 0)
        for number in 0..<8 {
            spawn(.thread, isDaemon: true) {
                let pipe = try Pipes.make()
                var text = ""
                for round in 0... {
                    text = String(repeating: "\(number)", count: round % 1_000)
                    var bytes = Array(text.utf8)
                    _ = unsafe bytes.withUnsafeBytes { unsafe Pipes.write(pipe.writing, $0) }
                    _ = unsafe bytes.withUnsafeMutableBytes {
                        unsafe $0.isEmpty ? Attempt.done(0) : Pipes.read(pipe.reading, into: $0)
                    }
                    if round == 1_000 { running.release() }
                }
            }
        }
        for _ in 0..<8 { try running.acquire() }
        print("main ends")
    }

    /// The thread that calls `exit` does not wait for itself, nor for the main thread.
    private static func exitInThread() throws {
        spawn(.thread) {
            try Strand.main.join()
            print("another thread")
        }
        spawn(.thread) { exit(3) }
        try Event().wait()
    }

    /// The worker that calls `exit` does not come back to the pool; the others finish.
    private static func exitInWorker() throws {
        let pool = ThreadPool(workers: 2)
        try pool.submit {
            try Strand.main.join()
            print("another worker")
        }
        try pool.submit { exit(8) }
        try Event().wait()
    }

    /// The same where it is the only worker, with work behind it.
    private static func exitInBlocking() throws {
        let bulkhead = Bulkhead(limit: 1)
        for number in 0..<3 {
            spawn(.fiber) {
                do {
                    try blocking(on: bulkhead) { exit(9) }
                } catch {
                    print("call \(number):", error)
                }
            }
        }
        try Event().wait()
    }

    /// Fibers of the one that calls `exit` go on while the threads are waited for.
    private static func exitInFiber() throws {
        let helped = Event()
        spawn(.fiber) {
            try Strand.main.join()
            print("another fiber")
            helped.set()
        }
        spawn(.thread) {
            try helped.wait()
            print("a thread")
        }
        spawn(.fiber) { exit(4) }
        try Event().wait()
    }

    /// A callback cannot wait; its exit does.
    private static func exitInCallback() throws {
        spawn(.thread) {
            try Strand.main.join()
            print("a thread")
        }
        Hub.current.post { exit(5) }
        try Event().wait()
    }

    /// Who joins a strand that calls `exit` learns of it, and the exit waits for the joiner.
    private static func joinedExit() throws {
        let hub = try Hub.start(name: "background").hub
        let thread = spawn(.thread) { try Strand.main.join() }
        let areWaiting = Event()
        let fiber = spawn(.fiber, on: hub) {
            try areWaiting.wait()
            exit(6)
        }
        let joiner = spawn(.thread) {
            do {
                try fiber.join()
            } catch {
                print(error is ProgramEnding)
            }
        }
        for strand in [thread.strand, joiner.strand] {
            while strand.currentWait == nil { Strand.yield() }
        }
        areWaiting.set()
        try Event().wait()
    }

    /// Threads that threads start while the program ends are waited for too.
    private static func lateThreads() {
        spawn(.thread) {
            try Strand.main.join()
            spawn(.thread) {
                spawn(.thread) { print("the third") }
                print("the second")
            }
            print("the first")
        }
    }

    /// A thread that the program waits for may use pools, old and new.
    private static func poolsAfterMain() {
        spawn(.thread) {
            try Strand.main.join()
            print(try spawn(.fiber) { try blocking { 5 } }.join())
            print(try ThreadPool(workers: 1).run { 6 })
        }
    }

    /// The first thing that is done with Plait, on a thread that is not Plait's.
    private static func joinMainFirst() throws {
        // Registered first, it runs last: the process stays while the other thread goes on.
        atProgramEnd { usleep(2_000_000) }
        let hasBegun = Flag()
        try startThread(name: "foreign") {
            hasBegun.isSet.store(true, ordering: .relaxed)
            _ = try? Strand.main.join()
            print("main has ended")
            fflush(nil)
            Processes.exitNow(0)
        }
        while !hasBegun.isSet.load(ordering: .relaxed) { sched_yield() }
    }

    private final class Flag: Sendable {
        let isSet = Atomic<Bool>(false)
    }

    /// The main thread's fibers live as long as it does.
    private static func mainFibers() {
        spawn(.fiber) {
            try Event().wait()
            print("the fiber went on")
        }
        Strand.yield()
        print("main ends")
    }

    /// A background hub that nobody stopped, with a fiber that waits for ever.
    private static func forgottenHub() throws {
        let background = try Hub.start(name: "background")
        let runs = Event()
        spawn(.fiber, on: background.hub) {
            runs.set()
            try Event().wait()
        }
        try runs.wait()
        print("main ends")
    }

    /// Actions run last first, before the threads are waited for, on the main thread.
    private static func actions() throws {
        let work = Event()
        spawn(.thread) {
            try work.wait()
            print("the thread's work")
        }
        let main = kernelThreadID()
        try ProgramEnd.perform { print("first", kernelThreadID() == main) }
        let removed = try ProgramEnd.perform { print("removed") }
        try ProgramEnd.perform {
            print("second", ProgramEnd.hasBegun)
            work.set()
        }
        print(removed.cancel(), removed.cancel(), ProgramEnd.hasBegun)
    }

    private static func lateAction() throws {
        try ProgramEnd.perform {
            do {
                try ProgramEnd.perform { print("a late action") }
            } catch {
                print(error)
            }
        }
    }

    /// The end is begun early, and comes again with `exit`.
    private static func forced() throws {
        try ProgramEnd.perform { print("once") }
        ProgramEnd.run()
        print("main ends")
    }

    // MARK: Threads

    /// Destroyed while its thread runs on, or never.
    private final class Slow: Sendable {
        deinit { for _ in 0..<1_000 { Strand.yield() } }
    }

    /// Threads with locals that take long to be freed, some ending while the process does.
    private static func locals() throws {
        let local = StrandLocal { Slow() }
        let have = CountingSemaphore(permits: 0)
        for number in 0..<16 {
            spawn(.thread, isDaemon: true) {
                _ = local.value
                have.release()
                if number.isMultiple(of: 2) { try Event().wait() }
            }
        }
        for _ in 0..<16 { try have.acquire() }
        print("main ends")
    }

    private struct Failure: Error {}

    private static func uncaught() {
        UncaughtErrors.handle { error, strand in
            // The end does not go past this report.
            while !ProgramEnd.hasBegun { sched_yield() }
            UncaughtErrors.log(error, of: strand)
        }
        // Whoever lets go of an ended thread last reports its error: not this one.
        let isLetGo = Event()
        spawn(.thread, name: "unlucky") {
            try isLetGo.wait()
            throw Failure()
        }
        isLetGo.set()
        spawn(.thread) {
            try Strand.main.join()
            print("goes on")
        }
    }

    /// A program that an uncaught error ends.
    private static func fatal() throws {
        UncaughtErrors.handle { _, _ in exit(3) }
        spawn(.thread) { throw Failure() }
        try Event().wait()
    }

    // MARK: Signals

    /// Signals that a worker sends are handled on the main thread.
    private static func signals() throws {
        let main = kernelThreadID()
        let handled = Event()
        let watch = try Hub.current.loop.watch([.user1, .interrupt]) { signal in
            print(signal.number == Signal.user1.number, kernelThreadID() == main)
            handled.set()
        }
        for signal in [Signal.user1, .interrupt] {
            spawn(.thread) { try signal.raise() }
            try handled.wait()
            handled.clear()
        }
        watch.cancel()
    }

    /// As if a signal had come: on the main thread, from a worker and from itself; without a watch
    /// nothing happens.
    private static func interrupt() throws {
        let main = kernelThreadID()
        let loop = Hub.current.loop
        let handled = Event()
        try loop.simulate(.interrupt)
        // The loop delivers it, to nobody.
        Strand.yield()
        let watch = try loop.watch([.interrupt]) { signal in
            print(signal.number == Signal.interrupt.number, kernelThreadID() == main)
            handled.set()
        }
        spawn(.thread) { try loop.simulate(.interrupt) }
        try handled.wait()
        handled.clear()
        try loop.simulate(.interrupt)
        try handled.wait()
        try loop.simulate(.terminate)
        watch.cancel()
        try loop.simulate(.interrupt)
        Strand.yield()
        for number: Int32 in [-1, 0, 65, 1_000_000] {
            do {
                try loop.simulate(Signal(number: number))
            } catch {
                print(error.call, error.subject)
            }
        }
    }
}
