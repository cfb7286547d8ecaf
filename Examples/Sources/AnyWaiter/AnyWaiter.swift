import Foundation
import Plait

// One queue between a thread, a fiber and a task.
@main
struct AnyWaiter {
    static func main() throws {
        let numbers = Queue<Int>(capacity: 4)
        let squares = Queue<Int>(capacity: 4)

        // An operating-system thread: `put` blocks it while the queue is full.
        let source = spawn(.thread, name: "source") {
            for number in 1...10 { try numbers.put(number) }
            numbers.shutDown()
        }
        // A fiber on this thread: `get` parks it, and the thread does other work.
        let worker = spawn(.fiber, name: "worker") {
            do {
                while true { try squares.put(numbers.get() * numbers.capacity) }
            } catch QueueError.shutDown {
                squares.shutDown()
            }
        }
        // Async code: `get` suspends the task.
        let sum = try blockOn {
            var sum = 0
            do {
                while true { sum += try await squares.get() }
            } catch QueueError.shutDown {}
            return sum
        }
        try source.join()
        try worker.join()
        print("the sum is \(sum)")
    }
}
