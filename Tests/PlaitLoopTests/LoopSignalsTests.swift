import Glibc
import PlaitLoop
import PlaitPlatform
import PlaitSelectors
import PlaitStrands
import TestSupport
import Testing

/// Each in a forked child of a process of its own: signals are the process's.
struct LoopSignalsTests {
    @Test func `a signal that the process is sent reaches the callback`() async {
        await #expect(processExitsWith: .success) {
            try inForkedChild {
                try receivesSignals(on: Loop(selector: EpollSelector()))
            }
        }
    }

    @Test func `the same on a level-triggered selector`() async {
        await #expect(processExitsWith: .success) {
            try inForkedChild { try receivesSignals(on: Loop(selector: PollSelector())) }
        }
    }

    @Test func `after cancel a signal acts as before`() async {
        await #expect(processExitsWith: .signal(SIGUSR1)) {
            try inForkedChild {
                let loop = try Loop()
                let watch = try loop.watch([.user1]) { _ in }
                try send(.user1, toProcess: getpid())
                loop.runOnce(until: .never)
                watch.cancel()
                watch.cancel()
                try send(.user1, toProcess: getpid())
                return false
            }
        }
    }

    @Test func `dropping the watch ends it`() async {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            try inForkedChild {
                let loop = try Loop()
                _ = try loop.watch([.terminate]) { _ in }
                try send(.terminate, toProcess: getpid())
                return false
            }
        }
    }

    @Test(arguments: [true, false])
    func `a watch may be dropped or cancelled in its callback`(_ isDropped: Bool) async {
        await #expect(processExitsWith: .signal(SIGUSR2)) { [isDropped] in
            try inForkedChild {
                let loop = try Loop()
                var watch: SignalWatch?
                var seen: [Signal] = []
                watch = try loop.watch([.user1, .user2]) { signal in
                    seen.append(signal)
                    if isDropped { watch = nil } else { watch?.cancel() }
                }
                // Both have come when the loop looks: the second is not told any more.
                try send(.user1, toProcess: getpid())
                try send(.user2, toProcess: getpid())
                loop.runOnce(until: .never)
                guard seen == [.user1], loop.registrationCount == 0 else { return false }
                try send(.user2, toProcess: getpid())
                return false
            }
        }
    }

    @Test func `every watch of a signal is told, and ending one leaves the others`() async {
        await #expect(processExitsWith: .success) {
            try inForkedChild {
                let loop = try Loop()
                var seen: [String] = []
                let first = try loop.watch([.terminate]) { _ in seen.append("first") }
                let second = try loop.watch([.terminate]) { _ in seen.append("second") }
                try send(.terminate, toProcess: getpid())
                while seen.count < 2 { loop.runOnce(until: .never) }
                first.cancel()
                try send(.terminate, toProcess: getpid())
                while seen.count < 3 { loop.runOnce(until: .never) }
                return withExtendedLifetime(second) {
                    Set(seen[..<2]) == ["first", "second"] && seen[2...] == ["second"]
                }
            }
        }
    }

    @Test func `a signal that a thread takes which was there before the watch is seen`() async {
        await #expect(processExitsWith: .success) {
            try inForkedChild {
                let number = Box<Int32>(0)
                let mayEnd = Box(false)
                let thread = spawn(.thread) {
                    unblockSignals([.user1])
                    number.set(kernelThreadID())
                    while !mayEnd.value { yieldThread() }
                }
                while number.value == 0 { yieldThread() }
                let loop = try Loop()
                var seen: [Signal] = []
                let watch = try loop.watch([.user1]) { seen.append($0) }
                interruptThread(number.value, by: Signal.user1.number)
                while seen.isEmpty { loop.runOnce(until: .never) }
                mayEnd.set(true)
                try thread.join()
                watch.cancel()
                return seen == [.user1]
            }
        }
    }

    @Test func `a copy of the process that watches for nothing is ended by a signal`() async {
        await #expect(processExitsWith: .success) {
            let loop = try Loop()
            let watch = try loop.watch([.terminate]) { _ in Issue.record("told the parent") }
            let pid = try Processes.fork().pid
            if pid == 0 {
                try? send(.terminate, toProcess: getpid())
                Processes.exitNow(1)
            }
            let ending = try Processes.descriptor(of: pid)
            _ = try waitForDescriptor(ending.number, .readable, until: .never, interrupt: 0)
            guard case .signal(.terminate) = Processes.reap(ending.number) else { exit(3) }
            loop.runOnce(until: .immediate)
            watch.cancel()
        }
    }

    @Test func `a watch that another thread drops ends when its loop looks`() async {
        await #expect(processExitsWith: .signal(SIGUSR1)) {
            try inForkedChild {
                let loop = try Loop()
                let watch = Box<SignalWatch?>(try loop.watch([.user1]) { _ in })
                try spawn(.thread) { watch.set(nil) }.join()
                try send(.user1, toProcess: getpid())
                loop.runOnce(until: .immediate)
                guard loop.registrationCount == 0 else { return false }
                try send(.user1, toProcess: getpid())
                return false
            }
        }
    }
}

/// Sends two signals to this process, one of them twice, and looks whether the loop calls back.
private func receivesSignals(on loop: Loop) throws -> Bool {
    var seen: [Signal] = []
    let watch = try loop.watch([.user1, .user2]) { seen.append($0) }
    try send(.user1, toProcess: getpid())
    while seen.isEmpty { loop.runOnce(until: .never) }
    guard seen == [.user1] else { return false }
    // Sent twice before the loop looks, it comes once.
    for signal in [Signal.user2, .user1, .user2] { try send(signal, toProcess: getpid()) }
    while seen.count < 3 { loop.runOnce(until: .never) }
    loop.runOnce(until: .immediate)
    watch.cancel()
    return Set(seen[1...]) == [.user1, .user2] && seen.count == 3 && loop.registrationCount == 0
}

/// Runs `body` in a forked child, which has one thread, and ends this process as that ended.
private func inForkedChild(_ body: () throws -> Bool) throws {
    let pid = try Processes.fork().pid
    if pid == 0 {
        Processes.exitNow((try? body()) == true ? 0 : 1)
    }
    let ending = try Processes.descriptor(of: pid)
    while true {
        switch Processes.reap(ending.number) {
        case .notYet:
            _ = try waitForDescriptor(
                ending.number, .readable, until: .never, interrupt: 0)
        case .code(let code): exit(code)
        case .signal(let signal):
            // Taken by the main thread: those of the pool block all signals.
            kill(getpid(), signal.number)
            while true { pause() }
        case .lost: exit(2)
        }
    }
}
