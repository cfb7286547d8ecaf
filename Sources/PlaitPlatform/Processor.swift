internal import CPlaitLinux
internal import Glibc

/// Processors that the process may run on, at its start.
package let processorCount = Int(plait_cpu_count())

/// Tells the processor that this is a waiting loop.
package func spinPause() { plait_pause() }

/// Lets the kernel run another thread.
package func yieldThread() { sched_yield() }

/// The kernel's number of the calling thread.
package func kernelThreadID() -> Int32 { plait_gettid() }

/// The process's number; that of its main thread too.
package func processID() -> Int32 { getpid() }
