public import CPlaitLinux
internal import Glibc

/// How many processors the process could use at its start.
@usableFromInline package let processorCount = Int(plait_cpu_count())

/// Tells the processor that this is a spinning loop.
@inlinable
package func spinPause() { plait_pause() }

/// Whether a short busy wait may help: there is another core, and this thread has no hub.
@inlinable
package var threadMaySpin: Bool {
    unsafe ThreadCell.current.hub == nil && processorCount > 1
}

/// Spins until another thread has done its last few instructions. Yields the processor now and
/// then, in case the kernel has stopped that thread.
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

/// The process's number, which is also that of its main thread.
package func processID() -> Int32 { getpid() }
