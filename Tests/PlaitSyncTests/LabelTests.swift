import PlaitParking
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// What objects and strands say of themselves, in one line.
struct LabelTests {
    @Test func `each object shows its kind, state and name`() throws {
        let queue = Queue<Int>([1], capacity: 8, name: "jobs")
        let channel = Channel<Int>(capacity: 2, name: "lines")
        #expect("\(queue)" == "Queue(1 of 8 items, jobs)")
        #expect("\(channel)" == "Channel(0 of 2 items, lines)")
        channel.close()
        #expect("\(channel)" == "Channel(0 of 2 items, closed, lines)")
        #expect("\(Event(name: "ready"))" == "Event(unset, ready)")
        #expect("\(Latch(count: 2, name: "start"))" == "Latch(count: 2, start)")
        #expect("\(Once(name: "first"))" == "Once(fresh, first)")
        #expect(
            "\(CountingSemaphore(permits: 3, name: "seats"))"
                == "CountingSemaphore(permits: 3, seats)")
        #expect(
            "\(Barrier(parties: 2, name: "dawn"))" == "Barrier(filling, waiting: 0/2, dawn)")
        #expect("\(ReadWriteLock(name: "table"))" == "ReadWriteLock(free, table)")
    }

    @Test func `an object without a name is called by where it was made`() {
        let queue = Queue<Int>(capacity: 1)
        let line = #line - 1
        #expect("\(queue.label)" == "at PlaitSyncTests/LabelTests.swift:\(line)")
        #expect(queue.label.name == nil)
    }

    @Test(arguments: StrandKind.allCases)
    func `a strand shows its kind, name and what it waits in`(_ kind: StrandKind) async throws {
        try await onThread {
            let event = Event(name: "go")
            let handle = spawn(kind: kind, name: "patient") { try event.wait() }
            while handle.strand.currentWait == nil { Strand.yield() }
            #expect("\(handle.strand)" == "\(kind.rawValue) patient (waits in Event.wait)")
            #expect(
                handle.strand.currentWait?.description.hasPrefix("patient: Event.wait on go, for ")
                    == true)
            event.set()
            try handle.join()
            #expect("\(handle.strand)" == "\(kind.rawValue) patient (ended)")
        }
    }

    @Test func `a wait for a lock names its holder`() async throws {
        let lock = Lock(name: "accounts")
        let (holds, mayEnd) = (Event(), Event())
        let holder = spawn(.thread, name: "keeper") {
            try lock.acquire()
            holds.set()
            try mayEnd.wait()
            lock.release()
        }
        try await holds.wait()
        let waiter = spawn(.thread, name: "clerk") {
            try lock.acquire()
            lock.release()
        }
        try await until { waiter.strand.currentWait != nil }
        let text = waiter.strand.currentWait?.description ?? ""
        #expect(text.hasPrefix("clerk: Lock.acquire on accounts, held by keeper, for "))
        mayEnd.set()
        try await holder.join()
        try await waiter.join()
    }
}
