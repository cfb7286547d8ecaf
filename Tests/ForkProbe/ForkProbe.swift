internal import PlaitNet
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// A program with one thread, for the tests of `fork`: a test process has many. Does what its
/// argument says and prints what came of it.
@main
struct ForkProbe {
    static func main() throws {
        switch CommandLine.arguments.dropFirst().first {
        case "status": try status()
        case "output": try output()
        case "hub": try hub()
        case "listener": try listener()
        case "threads": try threads()
        case "parent": try parent()
        case "main": try mainStrand()
        case "strands": try strands()
        case "locks": try locks()
        case "end": try end()
        case "connection": try connection()
        case "functions": try Functions.run()
        case "reaping": try Children.reaping()
        case "failures": try Children.failures()
        case "identity": try Children.identity()
        case "pools": try Children.pools()
        case "daemons": try Children.daemons()
        case "forked-daemons": try Children.forkedDaemons()
        case "callback": try Children.callback()
        case "orphans": try Children.orphans()
        case "method":
            let arguments = CommandLine.arguments
            try MethodCases.run(arguments[2], StartMethod(rawValue: arguments[3])!)
        case "hostile":
            let arguments = CommandLine.arguments
            try Hostile.run(arguments[2], StartMethod(rawValue: arguments[3])!)
        case "pool": try pool()
        case "parallel": try ParallelCases.run(CommandLine.arguments[2])
        case "many": try ManyForks.run(Int(CommandLine.arguments[2])!)
        case "stderr": try ChildProcess.fork { throw Failure() }.join()
        case "main again": try mainAgain()
        default: fatalError("no such probe")
        }
    }

    private struct Failure: Error {}

    /// A child that answers, writes to a descriptor that it is sent, and uses a connection
    /// likewise.
    private static func connection() throws {
        let (ours, childs) = try Connection.pair()
        let child = try ChildProcess.fork {
            ours.close()
            try childs.send(try childs.receive().map { $0 & 0xDF })
            let file = try childs.receiveDescriptor()
            try file.closeAfter { _ = try file.writeAll(Array("written by the child".utf8)) }
            try childs.receiveConnection().send(Array("from a connection that was sent".utf8))
        }
        // Else its end would not be noticed.
        childs.close()
        try ours.send(Array("hello".utf8))
        print(text(try ours.receive()))
        let pipe = try FileDescriptor.pipe()
        // A large number, as a program with many descriptors has.
        let large = try pipe.writeEnd.duplicate(as: FileDescriptor(rawValue: 800))
        try pipe.writeEnd.close()
        try ours.send(large)
        try large.close()
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = try unsafe bytes.withUnsafeMutableBytes {
            unsafe try pipe.readEnd.read(into: $0)
        }
        print(text(Array(bytes[..<count])))
        let (receiver, sender) = try Connection.oneWay()
        try ours.send(sender)
        sender.close()
        print(text(try receiver.receive()))
        do {
            _ = try ours.receive()
        } catch ConnectionError.endOfStream {
            print("end")
        }
        try child.join()
    }

    private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    /// How children end, and that none stays a zombie.
    private static func status() throws {
        let returning = try ChildProcess.fork {}
        print(try returning.join())
        let throwing = try ChildProcess.fork { throw Failure() }
        print(try throwing.join())
        let killed = try ChildProcess.fork { try Strand.sleep(for: .seconds(60)) }
        killed.kill()
        print(try killed.join())
        print(killed.isAlive, killed.exitStatus!)
    }

    /// What the parent has printed is not printed by the child again, and what the child has is.
    private static func output() throws {
        print("parent")
        try ChildProcess.fork { print("child") }.join()
        print("parent again")
    }

    /// The child has neither hub nor fibers of the parent's, and may have its own.
    private static func hub() throws {
        let fiber = spawn(.fiber) {
            try Strand.sleep(for: .milliseconds(50))
            print("the parent's fiber")
        }
        Strand.yield()
        let child = try ChildProcess.fork {
            print(try spawn(.fiber) { "the child's fiber" }.join())
            try Strand.sleep(for: .milliseconds(100))
        }
        print(try child.join())
        try fiber.join()
    }

    /// A listener that the child closes stays the parent's, and ends with it.
    private static func listener() throws {
        let listener = try StreamListener(host: "127.0.0.1", port: 0)
        spawn(.fiber, isDaemon: true) { _ = try listener.accept() }
        Strand.yield()
        let (near, far) = try StreamSocket.pair()
        let child = try ChildProcess.fork {
            listener.close()
            try far.write([0])
            _ = try far.readExactly(1)
        }
        _ = try near.readExactly(1)
        let first = try StreamSocket.connect(to: listener.address, within: .seconds(5))
        print("accepts", first.isClosed)
        listener.close()
        do {
            _ = try StreamSocket.connect(to: listener.address, within: .seconds(5))
            print("the child keeps it open")
        } catch {
            print("closed")
        }
        try near.write([1])
        print(try child.join())
    }

    /// Refused once there is a second thread.
    private static func threads() throws {
        let thread = spawn(.thread) { try Strand.sleep(for: .seconds(60)) }
        do {
            try ChildProcess.fork {}.join()
        } catch let refusal as MultiThreadedFork {
            print(refusal.threads)
        }
        thread.cancel()
    }

    /// The child's main strand is the one that forked, with the child's number.
    private static func mainStrand() throws {
        let before = Strand.main
        try onOtherThread { _ = Strand.current }
        print(Strand.main === Strand.current, Strand.main.nativeID == processID())
        let child = try ChildProcess.fork {
            print(Strand.main === before, Strand.main === Strand.current, Strand.main.isAlive)
            print(Strand.main.nativeID == processID(), kernelThreadID() == processID())
            print(Strand.threads.map(\.name), Strand.all().map(\.name))
        }
        print(try child.join())
    }

    /// Runs `body` on a thread that Plait did not start, and waits until it is gone.
    private static func onOtherThread(_ body: @escaping @Sendable () -> Void) throws {
        try startThread(name: "foreign", body)
        while try Processes.threadCount() > 1 { Strand.yield() }
    }

    /// The parent's threads and fibers have ended for the child; its own live.
    private static func strands() throws {
        let ended = spawn(.thread) { 1 }
        try ended.join()
        while try Processes.threadCount() > 1 { Strand.yield() }
        let fiber = spawn(.fiber, name: "parents") { try Strand.sleep(for: .seconds(60)) }
        let joiner = spawn(.fiber) { try fiber.join() }
        Strand.yield()
        let child = try ChildProcess.fork {
            print(ended.isAlive, fiber.isAlive, joiner.isAlive, Strand.all().count)
            do {
                try fiber.join()
            } catch {
                print(error)
            }
            print(try spawn(.thread) { Strand.threads.count }.join())
            print(try spawn(.fiber) { Strand.all().count }.join())
        }
        print(try child.join())
        print(fiber.isAlive, joiner.isAlive)
        fiber.cancel()
        try? joiner.join()
    }

    /// Locks that were free or held at the fork, by the one that forked or by a fiber, with another
    /// waiting: in the child they can be released and taken.
    private static func locks() throws {
        let (free, own, fibers) = (Lock(), Lock(), Lock())
        try own.acquire()
        let holder = spawn(.fiber) {
            try fibers.acquire()
            try Strand.sleep(for: .seconds(60))
            fibers.release()
        }
        let waiter = spawn(.fiber) {
            try fibers.acquire()
            print("the parent's waiter")
            fibers.release()
        }
        // The waiter is old enough to be handed the lock.
        try Strand.sleep(for: .milliseconds(5))
        let child = try ChildProcess.fork {
            print(free.isLocked, own.isLocked, fibers.isLocked)
            own.release()
            fibers.release()
            for lock in [free, own, fibers] {
                print(try lock.acquire(within: .seconds(5)), lock.isLocked)
                lock.release()
            }
            print(try spawn(.thread) { try fibers.acquire(within: .seconds(5)) }.join())
        }
        print(try child.join())
        print(free.isLocked, own.isLocked, fibers.isLocked)
        holder.cancel()
        try? holder.join()
        fibers.release()
        try waiter.join()
    }

    /// A child's end waits for its own threads and runs its own actions, not the parent's.
    private static func end() throws {
        try ProgramEnd.perform { print("the parent's action") }
        for fails in [false, true] {
            let child = try ChildProcess.fork {
                try ProgramEnd.perform { print("the child's action") }
                spawn(.thread) {
                    try Strand.main.join()
                    print("the child's thread")
                }
                if fails { throw Failure() }
                print("the child's body")
            }
            print(try child.join())
        }
    }

    /// A pool whose options leave its workers alone; says who they are, and waits.
    private static func pool() throws {
        let pool = try ProcessPool(workers: 2, options: ChildProcess.Options())
        while pool.statistics.workers < 2 { Strand.yield() }
        StandardStream.output.write(pool.pids.map { "\($0)" }.joined(separator: " ") + "\n")
        try pool.join()
    }

    /// A child of a program whose main starts it does not reach that main.
    private static func mainAgain() throws {
        print("main")
        for method in [StartMethod.spawn, .forkServer] {
            print(try spawn(.process, Functions.Add.self, 1, method: method).join())
        }
    }

    /// A child that dies with its parent; says who it is, and waits.
    private static func parent() throws {
        let child = try ChildProcess.fork { try Strand.sleep(for: .seconds(60)) }
        StandardStream.output.write("\(child.pid)\n")
        try child.join()
    }
}
