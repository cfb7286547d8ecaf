public import PlaitPlatform

/// Signals that a loop hands to a callback, until it is cancelled.
public final class SignalWatch: @unchecked Sendable {
    // Sendable: belongs to the loop's thread.
    private let signals: [Signal]
    private let source: SignalDescriptor
    private var registration: Registration?
    private let body: (Signal) -> Void

    fileprivate init(_ signals: [Signal], on loop: Loop, _ body: @escaping (Signal) -> Void)
        throws(SystemError)
    {
        self.signals = signals
        self.body = body
        source = try SignalDescriptor(signals)
        let registration = try loop.register(source.descriptor.number)
        self.registration = registration
        try registration.onReadable { [unowned self] _ in
            while let signal = self.source.next() { self.body(signal) }
        }
        loop.signalWatches.append(WeakWatch(self))
    }

    fileprivate func deliver(_ signal: Signal) {
        if registration != nil && signals.contains(signal) { body(signal) }
    }

    /// Lets the signals act as they did before. On the loop's thread.
    public func cancel() {
        guard let registration else { return }
        self.registration = nil
        registration.loop.unregister(registration, willClose: false)
        registration.callback = nil
        unblockSignals(signals)
        registration.loop.signalWatches.removeAll { $0.watch == nil || $0.watch === self }
    }

    deinit { cancel() }
}

/// A loop's note of a watch, which its maker owns.
struct WeakWatch {
    weak var watch: SignalWatch?

    init(_ watch: SignalWatch) { self.watch = watch }
}

extension Loop {
    /// Calls `body` on the loop for every one of `signals` that the process is sent.
    ///
    /// The signals are blocked in the calling thread and in threads that it starts later. Call it
    /// before other threads exist: one that does not block them would take them. A signal sent
    /// several times before the loop looks comes once. Keep the result: dropping it ends the watch.
    /// - Throws: `SystemError`.
    /// - Source: asyncio's `loop.add_signal_handler`; signalfd(2).
    public func watch(_ signals: [Signal], _ body: @escaping (Signal) -> Void)
        throws(SystemError) -> SignalWatch
    {
        try SignalWatch(signals, on: self, body)
    }

    /// Does as if the process had been sent `signal`: calls the loop's watches of it, soon. Any
    /// thread. Nothing happens where the loop has none.
    ///
    /// So a worker interrupts what the main thread's loop does, without a signal's risks; see
    /// `Signal.raise` for a real one.
    /// - Throws: `SystemError`: EINVAL for a number that no signal has.
    /// - Source: Python's `_thread.interrupt_main`.
    public func simulate(_ signal: Signal) throws(SystemError) {
        try signal.checkNumber("Loop.simulate")
        post {
            for watch in self.signalWatches.compactMap(\.watch) { watch.deliver(signal) }
        }
    }
}
