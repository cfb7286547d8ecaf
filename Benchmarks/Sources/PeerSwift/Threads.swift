import Foundation
import MicroSupport

/// Runs `body` on `count` threads, and returns when all have ended.
func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let ended = DispatchSemaphore(value: 0)
    for index in 0..<count {
        let thread = Thread {
            body(index)
            ended.signal()
        }
        thread.start()
    }
    for _ in 0..<count { ended.wait() }
}

/// Measures with a second thread alive, as in the floor.
func besideIdleThread(_ body: () throws -> Figure) rethrows -> Figure {
    let stop = DispatchSemaphore(value: 0)
    let idle = Thread { stop.wait() }
    idle.start()
    defer { stop.signal() }
    return try body()
}
