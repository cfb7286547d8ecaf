public import CPlaitLinux

/// What the running thread is busy with: its strand, its hub, and the guard of the running fiber.
///
/// A started fiber stays on its thread, so the cell's address stays good on its stack.
@safe
@usableFromInline
package struct ThreadCell {
    /// Thread-local memory of the calling thread; never escapes it.
    @usableFromInline let cell: UnsafeMutablePointer<plait_cell>

    @inlinable package static var current: ThreadCell { ThreadCell() }

    @inlinable init() { unsafe cell = plait_cell_get() }

    /// The running strand, unretained.
    @inlinable package var strand: UnsafeMutableRawPointer? {
        get { unsafe cell.pointee.strand }
        nonmutating set { unsafe cell.pointee.strand = newValue }
    }

    /// The thread's hub, unretained.
    @inlinable package var hub: UnsafeMutableRawPointer? {
        get { unsafe cell.pointee.hub }
        nonmutating set { unsafe cell.pointee.hub = newValue }
    }

    /// The present on this thread in nanoseconds, where a test sets it; 0: what the clock says.
    package var virtualNow: UInt64 {
        get { unsafe cell.pointee.virtual_now }
        nonmutating set { unsafe cell.pointee.virtual_now = newValue }
    }

    /// The running fiber's stack, for the overflow handler; nil while no fiber runs.
    @inlinable package var stack: UnsafePointer<plait_stack_note>? {
        get { unsafe cell.pointee.stack }
        nonmutating set { unsafe cell.pointee.stack = newValue }
    }

    /// Tells threads apart that live at the same time.
    @inlinable package var address: UInt { UInt(bitPattern: unsafe cell) }
}

/// The number of the running Swift task, which no other task ever has; 0 outside of one.
@inlinable
package func currentTaskNumber() -> UInt64 { plait_current_task() }

/// Calls `destroy(value)` when the calling thread ends; a later call replaces an earlier one.
package func atThreadExit(
    _ value: UnsafeMutableRawPointer, _ destroy: @convention(c) (UnsafeMutableRawPointer?) -> Void
) {
    unsafe plait_at_thread_exit(value, destroy)
}

/// Makes this thread explain a fiber's stack overflow (once a thread; see `plait_watch_overflow`).
package func watchStackOverflow() throws(SystemError) {
    try check(plait_watch_overflow(), "sigaltstack")
}

/// Ends what ``watchStackOverflow()`` began.
package func unwatchStackOverflow() { plait_unwatch_overflow() }
