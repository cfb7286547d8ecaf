import MicroSupport
import Plait

/// A thread takes the lock once at a time. A second thread is alive, as in the floor.
func recursiveLock() throws -> Figure {
    let lock = RLock()
    let rounds = 50_000_000
    func run(_ count: Int) throws {
        for _ in 0..<count {
            try lock.acquire()
            lock.release()
        }
    }
    return try besideIdleThread {
        try run(1_000_000)
        return try time(rounds) { try run(rounds) }
    }
}
