import Glibc
import PlaitLoop
import PlaitPlatform
import PlaitSelectors
import Testing

/// Each in a forked child of a process of its own: signals are the process's, and one that another
/// thread does not block would go there.
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
    let pid = try Processes.fork()
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
