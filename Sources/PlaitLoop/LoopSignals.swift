public import PlaitPlatform

/// Signals that a loop hands to a callback, until it is cancelled.
public final class SignalWatch: Sendable {
    private let watched: WatchedSignals

    fileprivate init(_ watched: WatchedSignals) { self.watched = watched }

    /// Ends the watch. The signals act as they did before, once no other watch wants them. Any
    /// thread; from another than the loop's it takes effect when the loop next looks at its
    /// messages.
    public func cancel() { watched.end() }

    deinit { cancel() }
}

/// What a ``SignalWatch`` is to its loop, which keeps it until it has ended.
final class WatchedSignals: @unchecked Sendable {
    // Sendable: belongs to the loop's thread, but for end().
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

    /// On the loop's thread, or after its end.
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
    /// Calls `body` on the loop for every one of `signals` that the process is sent.
    ///
    /// On the loop's thread: on others it traps. Whichever thread the system gives the signal to,
    /// it comes here, and to every other watch of it, on any loop: threads that exist already are
    /// no matter. That thread's system call goes on, but for those that Linux does not restart
    /// (`sleep`, `poll`, `epoll_wait`, see signal(7)), which return EINTR. A signal sent several
    /// times before the loop looks comes once. Keep the result: dropping it ends the watch, in
    /// `body` too.
    /// - Throws: `SystemError`: EINVAL for signals that cannot be caught, such as SIGKILL, and for
    ///   those of faults, such as SIGSEGV.
    /// - Source: asyncio's `loop.add_signal_handler`; sigaction(2).
    public func watch(_ signals: [Signal], _ body: @escaping (Signal) -> Void)
        throws(SystemError) -> SignalWatch
    {
        checkThread("Loop.watch")
        return SignalWatch(try WatchedSignals(signals, on: self, body))
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
            for watch in self.signalWatches { watch.deliver(signal) }
        }
    }
}
