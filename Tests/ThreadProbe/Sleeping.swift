internal import Glibc
internal import PlaitLoop
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// A program whose strands sleep: what it lists when it is asked, and how it ends when all of them
/// sleep.
enum Sleeping {
    // MARK: A list of strands

    /// Waits until it is killed.
    static func listed() throws {
        let jobs = Queue<Int>(capacity: 1, name: "jobs")
        let accounts = Lock(name: "accounts")
        let holds = Event()
        spawn(.thread, name: "keeper", isDaemon: true) {
            try accounts.acquire()
            holds.set()
            while true { pause() }
        }
        try holds.wait()
        spawn(.thread, name: "clerk", isDaemon: true) { try accounts.acquire() }
        spawn(.thread, name: "worker", isDaemon: true) {
            try spawn(.fiber, name: "getter") { try jobs.get() }.join()
        }
        // The clerk, the worker and its fiber. The main thread follows: the test asks until it does.
        while Strand.waits().count < 3 { Strand.yield() }
        print("ready")
        fflush(nil)
        _ = try jobs.get()
    }

    /// Computes until the question has come, and waits only then.
    static func listedLate() throws {
        _ = Strand.current
        print("ready")
        fflush(nil)
        let end = monotonicNow() + 300_000_000
        while monotonicNow() < end {}
        spawn(.thread, name: "late", isDaemon: true) { try Event(name: "never").wait() }
        while true { pause() }
    }

    // MARK: All asleep

    /// The main thread, another thread and its fiber wait for what nobody will do.
    static func threadsAndFibers() throws {
        let (first, second) = (Queue<Int>(capacity: 1), Queue<Int>(capacity: 1))
        let worker = spawn(.thread, name: "worker") {
            let fiber = spawn(.fiber, name: "helper") { try second.put(first.get()) }
            try fiber.join()
        }
        print("before")
        try first.put(second.get())
        try worker.join()
    }

    /// Fibers of the one thread there is.
    static func fibers() throws {
        let queue = Queue<Int>(capacity: 1)
        let getters = (1...3).map { number in
            spawn(.fiber, name: "getter-\(number)") { try queue.get() }
        }
        for getter in getters { try getter.join() }
    }

    /// All strands wait but for what comes from outside: none of these ends the program.
    static func allButOne() throws {
        // Longer than a thread sleeps before it looks whether all do.
        let pause = Duration.milliseconds(400)
        let event = Event()
        func wait(_ what: String) throws {
            try event.wait()
            event.clear()
            print(what)
        }
        let timer = spawn(.fiber) {
            try Strand.sleep(for: pause)
            event.set()
        }
        try wait("a timer")
        try timer.join()
        let thread = spawn(.thread) {
            usleep(400_000)
            event.set()
        }
        try wait("a thread in a call")
        try thread.join()
        let task = Task.detached {
            try await Task.sleep(for: pause)
            event.set()
        }
        try wait("a task")
        task.cancel()
        var foreign = pthread_t()
        let box = unsafe Unmanaged.passRetained(event)
        unsafe pthread_create(
            &foreign, nil,
            { argument in
                usleep(400_000)
                unsafe Unmanaged<Event>.fromOpaque(argument!).takeRetainedValue().set()
                return nil
            }, box.toOpaque())
        try wait("a thread of others")
        let number = try makeEventCounter()
        let reader = spawn(.fiber) {
            try waitReadable(number)
            event.set()
        }
        let writer = spawn(.thread) {
            usleep(400_000)
            signalEventCounter(number.number)
        }
        try wait("a descriptor")
        try reader.join()
        _ = try writer.join()
    }

    private static func waitReadable(_ descriptor: borrowing Descriptor) throws {
        // A registration of the hub's loop.
        let registration = try Hub.current.loop.register(descriptor.number)
        defer { Hub.current.loop.unregister(registration, willClose: false) }
        _ = try registration.wait(for: .readable, until: .never)
    }

    /// Only a handler of signals does anything yet.
    static func withHandler() throws {
        _ = signal(SIGUSR1) { _ in _exit(7) }
        print("ready")
        fflush(nil)
        try Event().wait()
    }

    /// Only an alarm does anything yet: it ends the program.
    static func withAlarm() throws {
        _ = signal(SIGALRM, SIG_DFL)
        alarm(1)
        try Event().wait()
    }
}
