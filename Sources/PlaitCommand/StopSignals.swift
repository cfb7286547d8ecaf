internal import Plait

/// Lets SIGINT and SIGTERM end a command in good order. The first signal asks it to end, the second
/// ends it at once.
///
/// Make it on the main thread, which gets a hub by this. `body` runs on the hub's loop and must not
/// wait.
final class StopSignals {
    private let watch: SignalWatch
    private let state: State

    /// The first signal that came.
    var received: Signal? { state.received }

    init(_ body: @escaping (Signal) -> Void) throws {
        let state = State()
        self.state = state
        // The hub is made here, so that the limit of descriptors throws instead of ending the
        // program.
        watch = try Hub.make().loop.watch([.interrupt, .terminate]) { signal in
            if state.received != nil { Processes.exitNow(signal.exitCode) }
            state.received = signal
            body(signal)
        }
    }

    private final class State {
        var received: Signal?
    }
}

extension Signal {
    /// The exit code of a command that a signal has ended, as shells define it.
    var exitCode: Int32 { 128 + number }
}
