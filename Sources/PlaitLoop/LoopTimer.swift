internal import PlaitParking
public import PlaitPlatform

/// A callback that a loop will make; see ``Loop/schedule(at:_:)``.
@safe
public final class LoopTimer: @unchecked Sendable {
    // Sendable: belongs to the loop's thread.
    private let loop: Loop
    private var action: (() -> Void)?
    /// The node lies in the object itself, since every timer needs one. Only `timer` reaches it.
    @exclusivity(unchecked) private var node = unsafe TimerNode.unset

    fileprivate init(loop: Loop, action: @escaping () -> Void) {
        self.loop = loop
        self.action = action
    }

    /// A handle on `node`. A stored property of a final class has a fixed address, and a set timer
    /// retains the object, so the address stays valid while the timer is in the wheel.
    private var timer: Timer { unsafe Timer(withUnsafeMutablePointer(to: &node) { unsafe $0 }) }

    fileprivate func set(at deadline: Deadline) {
        let timer = self.timer
        unsafe timer.prepare(context: Unmanaged.passRetained(self).toOpaque()) { context in
            unsafe Unmanaged<LoopTimer>.fromOpaque(context).takeRetainedValue().fire()
        }
        loop.set(timer, at: deadline)
    }

    private func fire() {
        guard let action else { return }
        self.action = nil
        loop.around(action)
    }

    /// Cancels the callback; does nothing if the timer has fired. Called on the loop's thread.
    public func cancel() {
        loop.checkThread("LoopTimer.cancel")
        let timer = self.timer
        guard timer.isSet else { return }
        loop.cancel(timer)
        action = nil
        // The reference that set(at:) took.
        unsafe Unmanaged.passUnretained(self).release()
    }
}

extension Loop {
    /// Calls `action` on the loop once `deadline` has passed: never early, and on an idle loop at
    /// most a tick (66 µs) late. Called on the loop's thread; on others it traps.
    ///
    /// Callbacks run in the order of their deadlines, and must not wait.
    /// - Source: asyncio's `loop.call_at`.
    @discardableResult
    public func schedule(at deadline: Deadline, _ action: @escaping () -> Void) -> LoopTimer {
        checkThread("Loop.schedule")
        let timer = LoopTimer(loop: self, action: action)
        timer.set(at: deadline)
        return timer
    }

    /// Calls `action` on the loop once `delay` has passed. Called on the loop's thread; on others
    /// it traps.
    @discardableResult
    public func schedule(after delay: Duration, _ action: @escaping () -> Void) -> LoopTimer {
        checkThread("Loop.schedule")
        return schedule(at: updateNow().advanced(by: delay.nanosecondsClamped), action)
    }
}
