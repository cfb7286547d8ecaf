internal import PlaitPlatform
internal import Synchronization

/// A thread that sleeps without a limit until another thread wakes it.
package protocol SleepingThread: AnyObject, Sendable {
    /// Whether the thread was woken, even if it does not run yet. Any thread may ask.
    var isWoken: Bool { get }
    /// What the thread's strands wait for. Asked only while the thread sleeps.
    var waits: [WaitSnapshot] { get }
}

/// Detects that every thread of the process sleeps and nothing can wake any of them.
///
/// A thread that has slept for a while, with no deadline, timer, descriptor or signal of its own to
/// wake it, lists itself. It takes itself off the list before it goes on, even after it was woken.
/// So under the list's lock, the threads that are listed and not woken do sleep. If these are all
/// threads that the system counts, nobody is left to wake one of them. Any other thread counts as
/// one that might: a thread that Plait does not know, that is in a system call, or that waits for
/// shared memory which another process may change. See docs/decisions/0019-all-asleep.md.
package enum AllAsleep {
    private struct State {
        var sleepers: [ObjectIdentifier: any SleepingThread] = [:]
        /// How many other threads wake no strand, such as the hub monitor's.
        var bystanders = 0
    }

    private static let state = Guarded(State())
    private static let isOff = Atomic<Bool>(false)
    /// Whether the user wants the program to hang, whatever it sets itself.
    private static let mustWait = environmentVariable("PLAIT_ASLEEP") == "wait"

    /// The pauses after which a sleeper checks whether all others sleep. After the last pause it
    /// sleeps for ever, since the thread that fell asleep last checks too.
    package static let pauses: [Duration] = [.milliseconds(100), .seconds(1), .seconds(10)]

    /// Whether sleepers check at all.
    package static var isOn: Bool {
        get { !mustWait && !isOff.load(ordering: .relaxed) }
        set { isOff.store(!newValue, ordering: .relaxed) }
    }

    package static func enter(_ sleeper: any SleepingThread) {
        state.withLock { $0.sleepers[ObjectIdentifier(sleeper)] = sleeper }
    }

    package static func leave(_ sleeper: any SleepingThread) {
        let left = state.withLock { $0.sleepers.removeValue(forKey: ObjectIdentifier(sleeper)) }
        withExtendedLifetime(left) {}
    }

    /// Runs the body of a thread that never wakes a strand.
    package static func asBystander(_ body: () -> Void) {
        state.withLock { $0.bystanders += 1 }
        body()
        state.withLock { $0.bystanders -= 1 }
    }

    /// Ends the program, with a report, if every thread sleeps.
    package static func look() {
        guard isOn, !DumpRequest.othersMayInterrupt else { return }
        let waits = state.withLock { state -> [WaitSnapshot]? in
            let count = state.sleepers.count + state.bystanders
            guard (try? Processes.threadCount()) == count,
                state.sleepers.values.allSatisfy({ !$0.isWoken })
            else { return nil }
            return state.sleepers.values.flatMap(\.waits)
        }
        if let waits { Processes.endNow(2, saying: report(waits)) }
    }

    private static func report(_ waits: [WaitSnapshot]) -> String {
        let lines = waits.sorted { $0.strand.id < $1.strand.id }.map { "  \($0)\n" }
        let most = 100
        let more = lines.count > most ? "  and \(lines.count - most) more\n" : ""
        return """
            plait: all strands are asleep, and nothing can wake one: there is no timer, descriptor, signal watch, \
            child or other thread. They wait for each other, or for somebody who has ended:
            \(lines.prefix(most).joined())\(more)
            """
    }

    /// Called in a forked child, where the parent's threads do not sleep.
    static func forgetAfterFork() {
        let left = state.withLock { state in
            defer { state = State() }
            return state
        }
        withExtendedLifetime(left) {}
    }
}
