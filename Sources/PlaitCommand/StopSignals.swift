internal import Plait

/// Lets SIGINT and SIGTERM end a command in good order: the first asks, the second ends it at once.
///
/// Made on the main thread, which gets its hub with it. `body` runs on the hub's loop and must not
/// wait.
final class StopSignals {
    private let watch: SignalWatch
    private let state: State

    /// The first signal that came.
    var received: Signal? { state.received }

    init(_ body: @escaping (Signal) -> Void) throws {
        let state = State()
        self.state = state
        // Made here, where it throws at the limit of descriptors.
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
    /// What a command exits with that a signal has ended, as shells have it.
    var exitCode: Int32 { 128 + number }
}
