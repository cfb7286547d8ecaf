public import CPlaitLinux

/// The thread-local record of the running thread: its strand, its hub, and the stack of the running
/// fiber.
///
/// A started fiber stays on its thread, so code on its stack may keep the cell's address.
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

    /// The present on this thread in nanoseconds, if a test has set it; 0 means that the clock
    /// tells it.
    package var virtualNow: UInt64 {
        get { unsafe cell.pointee.virtual_now }
        nonmutating set { unsafe cell.pointee.virtual_now = newValue }
    }

    /// The running fiber's stack, for the overflow handler; nil while no fiber runs.
    @inlinable package var stack: UnsafePointer<plait_stack_note>? {
        get { unsafe cell.pointee.stack }
        nonmutating set { unsafe cell.pointee.stack = newValue }
    }

    /// Differs between threads that live at the same time.
    @inlinable package var address: UInt { UInt(bitPattern: unsafe cell) }
}

/// The unique number of the running Swift task; 0 outside of tasks.
@inlinable
package func currentTaskNumber() -> UInt64 { plait_current_task() }

/// Calls `destroy(value)` when the calling thread ends; a later call replaces an earlier one.
package func atThreadExit(
    _ value: UnsafeMutableRawPointer, _ destroy: @convention(c) (UnsafeMutableRawPointer?) -> Void
) {
    unsafe plait_at_thread_exit(value, destroy)
}

/// Makes this thread explain a stack overflow of a fiber. Called once for each thread; see
/// `plait_watch_overflow`.
package func watchStackOverflow() throws(SystemError) {
    try check(plait_watch_overflow(), "sigaltstack")
}

/// Undoes ``watchStackOverflow()``.
package func unwatchStackOverflow() { plait_unwatch_overflow() }
