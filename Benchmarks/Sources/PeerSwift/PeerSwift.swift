import MicroSupport

/// Measures the types that a Swift program would use without Plait: `peer-swift mutex`.
@main
struct PeerSwift {
    static func main() {
        measureSubject([
            "mutex": mutex, "mutex-contended": mutexContended, "recursive-lock": recursiveLock,
            "queue-threads": { try semaphoreQueue(capacity: 1_024, pairs: 1, items: 5_000_000) },
            "queue-threads-2": { try semaphoreQueue(capacity: 1_024, pairs: 2, items: 5_000_000) },
            "queue-threads-1": { try semaphoreQueue(capacity: 1, pairs: 1, items: 100_000) },
            "heap": heap, "channel-tasks": channelBetweenTasks,
        ])
    }
}
