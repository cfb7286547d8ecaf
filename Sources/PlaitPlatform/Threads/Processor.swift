public import CPlaitLinux
internal import Glibc

/// Processors that the process may run on, at its start.
@usableFromInline package let processorCount = Int(plait_cpu_count())

/// Tells the processor that this is a waiting loop.
@inlinable
package func spinPause() { plait_pause() }

/// Whether a short busy wait may help: another core is there, and no fiber waits for this thread.
@inlinable
package var threadMaySpin: Bool {
    unsafe ThreadCell.current.hub == nil && processorCount > 1
}

/// Waits for another thread that has a few instructions left, letting it have the processor now and
/// then in case the kernel stopped it there.
@usableFromInline
package func spinUntil(_ isDone: () -> Bool) {
    var rounds = 0
    while !isDone() {
        rounds += 1
        if rounds % 64 == 0 { yieldThread() } else { spinPause() }
    }
}

/// Lets the kernel run another thread.
package func yieldThread() { sched_yield() }

/// The kernel's number of the calling thread.
package func kernelThreadID() -> Int32 { plait_gettid() }

/// The process's number; that of its main thread too.
package func processID() -> Int32 { getpid() }
