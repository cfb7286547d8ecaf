import MicroSupport
import Plait

/// Taken once at a time, by a thread, with a second one alive as the floor has one.
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
