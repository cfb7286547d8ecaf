internal import PlaitNet
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands

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
        default: fatalError("no such probe")
        }
    }

    private struct Failure: Error {}

    /// How children end, and that none stays a zombie.
    private static func status() throws {
        let returning = try ChildProcess.fork {}
        print(try returning.join()!)
        let throwing = try ChildProcess.fork { throw Failure() }
        print(try throwing.join()!)
        let killed = try ChildProcess.fork { try Strand.sleep(for: .seconds(60)) }
        killed.kill()
        print(try killed.join()!)
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
        print(try child.join()!)
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
        print(try child.join()!)
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

    /// A child that dies with its parent; says who it is, and waits.
    private static func parent() throws {
        let child = try ChildProcess.fork { try Strand.sleep(for: .seconds(60)) }
        StandardStream.output.write("\(child.pid)\n")
        try child.join()
    }
}
