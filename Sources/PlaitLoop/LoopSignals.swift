public import PlaitPlatform

/// A watch for signals, which a loop hands to a callback until the watch is cancelled.
public final class SignalWatch: Sendable {
    private let watched: WatchedSignals

    fileprivate init(_ watched: WatchedSignals) { self.watched = watched }

    /// Ends the watch. Once no other watch wants the signals, they act as they did before. Any
    /// thread may call it. From a thread other than the loop's it takes effect when the loop next
    /// looks at its messages.
    public func cancel() { watched.end() }

    deinit { cancel() }
}

/// The part of a ``SignalWatch`` that its loop keeps until the watch has ended.
final class WatchedSignals: @unchecked Sendable {
    // Sendable: belongs to the loop's thread; only end() may be called on others.
    private let signals: [Signal]
    private let loop: Loop
    private let body: (Signal) -> Void
    private var source: SignalSource?
    private var registration: Registration?

    init(_ signals: [Signal], on loop: Loop, _ body: @escaping (Signal) -> Void)
        throws(SystemError)
    {
        self.signals = signals
        self.loop = loop
        self.body = body
        let source = try SignalSource(signals)
        let registration = try loop.register(source.descriptor.number)
        self.source = source
        self.registration = registration
        loop.signalWatches.append(self)
        do throws(SystemError) {
            try registration.onReadable { [self] _ in
                for signal in source.take() { deliver(signal) }
            }
        } catch {
            endHere()
            throw error
        }
    }

    func deliver(_ signal: Signal) {
        // An earlier callback may have ended the watch.
        if registration != nil && signals.contains(signal) { body(signal) }
    }

    func end() {
        if loop.isHere || !loop.post({ self.endHere() }) { endHere() }
    }

    /// Called on the loop's thread, or after its end.
    private func endHere() {
        guard let registration else { return }
        self.registration = nil
        if !loop.isOver { loop.unregister(registration, willClose: false) }
        registration.callback = nil
        loop.signalWatches.removeAll { $0 === self }
        source = nil
    }
}

extension Loop {
    /// Calls `body` on the loop whenever the process is sent one of `signals`.
    ///
    /// Called on the loop's thread; on others it traps. The system may give the signal to any
    /// thread, even to one that existed before; the signal comes to this watch and to every other
    /// watch of it, on any loop. The system call of the thread that got the signal goes on, but
    /// calls that Linux does not restart (`sleep`, `poll`, `epoll_wait`, see signal(7)) return
    /// EINTR. If a signal is sent several times before the loop looks, `body` is called once. Keep
    /// the result: dropping it ends the watch, in `body` too.
    /// - Throws: `SystemError`: EINVAL for signals that cannot be caught, such as SIGKILL, and for
    ///   those of faults, such as SIGSEGV.
    /// - Source: asyncio's `loop.add_signal_handler`; sigaction(2).
    public func watch(_ signals: [Signal], _ body: @escaping (Signal) -> Void)
        throws(SystemError) -> SignalWatch
    {
        checkThread("Loop.watch")
        return SignalWatch(try WatchedSignals(signals, on: self, body))
    }

    /// Acts as if the process had been sent `signal`: calls the loop's watches of it, soon. Any
    /// thread may call it. Nothing happens if the loop has no such watch.
    ///
    /// A worker can interrupt the main thread's loop with it, without the risks of a real signal;
    /// `Signal.raise` sends a real one.
    /// - Throws: `SystemError`: EINVAL for a number that no signal has.
    /// - Source: Python's `_thread.interrupt_main`.
    public func simulate(_ signal: Signal) throws(SystemError) {
        try signal.checkNumber("Loop.simulate")
        post {
            for watch in self.signalWatches { watch.deliver(signal) }
        }
    }
}
