import Glibc
import PlaitPlatform
import SystemPackage
import Testing

struct SignalsTests {
    @Test func `a signal's text has its number and its name`() {
        #expect(Signal.terminate.description == "signal 15 (Terminated)")
        #expect(Signal.kill.description == "signal 9 (Killed)")
        #expect(Signal(number: 15) == .terminate)
        #expect(Signal.user1 != .user2)
    }

    // What a signal does is the process's: hence one of its own.
    @Test func `signals arrive at their source, each once`() async {
        await #expect(processExitsWith: .success) {
            let signals = try SignalSource([.user1, .user2])
            #expect(signals.take() == [])
            for signal in [Signal.user2, .user1, .user2] { try sendToThisThread(signal) }
            #expect(signals.take() == [.user1, .user2])
            #expect(signals.take() == [])
        }
    }

    @Test func `every source is told, and a signal acts as before when the last one has gone`()
        async
    {
        await #expect(processExitsWith: .signal(Signal.user1.number)) {
            do {
                let first = try SignalSource([.user1])
                do {
                    let second = try SignalSource([.user1, .user2])
                    try sendToThisThread(.user1)
                    #expect(second.take() == [.user1])
                }
                try sendToThisThread(.user1)
                #expect(first.take() == [.user1])
            }
            try sendToThisThread(.user1)
        }
    }

    @Test(arguments: [Signal.kill, Signal(number: SIGSTOP), Signal(number: SIGSEGV)])
    func `a signal that cannot be caught is refused, and those with it act as before`(
        _ signal: Signal
    ) async {
        await #expect(processExitsWith: .signal(Signal.user1.number)) {
            [
                number = signal.number as Int32
            ] in
            let signal = Signal(number: number)
            let error = #expect(throws: SystemError.self) { try SignalSource([.user1, signal]) }
            #expect(error?.errno == .invalidArgument)
            #expect(error?.subject.contains(signal.description) == true)
            unblockSignals([.user1])
            try sendToThisThread(.user1)
        }
    }

    @Test func `a signal to a process that does not exist is an error`() {
        let error = #expect(throws: SystemError.self) {
            // Beyond the largest process number that Linux gives.
            try send(.terminate, toProcess: 1 << 30)
        }
        #expect(error?.errno == .noSuchProcess)
        #expect(error?.call == "kill")
    }

    // TH-091
    @Test(arguments: [Int32.min, -1, 0, 65, .max])
    func `raising a number that no signal has is an error`(_ number: Int32) {
        let error = #expect(throws: SystemError.self) { try Signal(number: number).raise() }
        #expect(error?.errno == .invalidArgument)
        #expect(error?.subject == "signal \(number)")
    }

    @Test func `a raised signal does what it does by default`() async {
        await #expect(processExitsWith: .signal(Signal.user2.number)) {
            unblockSignals([.user2])
            try Signal.user2.raise()
            while true { pause() }
        }
    }

    @Test func `the interrupt ends a descriptor wait, even when it comes before it`() async {
        await #expect(processExitsWith: .success) {
            holdBackThreadInterrupt()
            let counter = try makeEventCounter()
            interruptThread(kernelThreadID())
            let result = try waitForDescriptor(
                counter.number, .readable, until: .never, interrupt: threadInterrupt)
            guard case .interrupted = result else {
                Issue.record("not interrupted: \(result)")
                return
            }
        }
    }
}

private func sendToThisThread(_ signal: Signal) throws {
    try #require(pthread_kill(pthread_self(), signal.number) == 0)
}
