import MicroSupport
import Plait

/// Without contention. A second thread is alive, as in the floor.
func lock() throws -> Figure {
    let lock = Lock()
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

/// Two threads want the same lock, and do private work in between; nanoseconds for each operation
/// of either.
func lockContended() throws -> Figure {
    let work = PrivateWork()
    let lock = Lock()
    let places = Places(PrivateWork.operations)
    return try time(PrivateWork.operations) {
        let threads = (0..<2).map { _ in
            spawn(.thread) {
                var own = 0
                while true {
                    try lock.acquire()
                    let isTaken = places.take()
                    lock.release()
                    guard isTaken else { return own }
                    own += 1
                    work.perform()
                }
            }
        }
        let total = try threads.reduce(0) { try $0 + $1.join() }
        guard total == PrivateWork.operations else { throw WrongItem() }
    }
}

/// How many operations are left for both threads.
private final class Places: @unchecked Sendable {
    // Sendable: the measured lock guards `left`. Exclusivity is not checked, as in the floor.
    @exclusivity(unchecked) private var left: Int

    init(_ count: Int) { unsafe left = count }

    func take() -> Bool {
        guard unsafe left > 0 else { return false }
        unsafe left -= 1
        return true
    }
}

func besideIdleThread(_ body: () throws -> Figure) throws -> Figure {
    let stop = Event()
    let idle = spawn(.thread) { try stop.wait() }
    let figure = try body()
    stop.set()
    try idle.join()
    return figure
}
