import Foundation
import MicroSupport
import Synchronization

/// The standard library's mutex, uncontended.
func mutex() -> Figure {
    let mutex = Mutex(())
    let rounds = 50_000_000
    func run(_ count: Int) {
        for _ in 0..<count { mutex.withLock { _ in } }
    }
    return besideIdleThread {
        run(1_000_000)
        return time(rounds) { run(rounds) }
    }
}

func recursiveLock() -> Figure {
    let lock = NSRecursiveLock()
    let rounds = 20_000_000
    func run(_ count: Int) {
        for _ in 0..<count {
            lock.lock()
            lock.unlock()
        }
    }
    return besideIdleThread {
        run(1_000_000)
        return time(rounds) { run(rounds) }
    }
}

/// Two threads want the same mutex, and do private work in between.
func mutexContended() throws -> Figure {
    let work = PrivateWork()
    let places = Places()
    let figure = time(PrivateWork.operations) {
        onThreads(2) { _ in
            var own = 0
            while places.take() {
                own += 1
                work.perform()
            }
            places.taken.add(own, ordering: .relaxed)
        }
    }
    guard places.taken.load(ordering: .relaxed) == PrivateWork.operations else {
        throw WrongItem()
    }
    return figure
}

/// How many operations are left for both threads.
private final class Places: Sendable {
    private let left = Mutex(PrivateWork.operations)
    /// How many operations the threads counted themselves.
    let taken = Atomic(0)

    func take() -> Bool {
        left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return true
        }
    }
}
