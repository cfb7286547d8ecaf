/// The items of a queue as they come, for a consumer's `for` loop. The loop takes them from the
/// queue.
///
/// The loop ends when the queue has been shut down and drained, when the loop's strand or task is
/// cancelled, or when the queue's storage fails.
public struct QueueItems<Storage: QueueStorage>: Sequence, AsyncSequence {
    public typealias Element = Storage.Element
    public typealias Failure = Never

    let queue: BlockingQueue<Storage>

    /// Blocks the calling thread or parks the calling fiber while there is none.
    public struct Iterator: IteratorProtocol {
        let queue: BlockingQueue<Storage>

        @available(*, noasync)
        public mutating func next() -> Element? { try? queue.get() }
    }

    /// Suspends the calling task while there is none.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let queue: BlockingQueue<Storage>

        public mutating func next() async -> Element? { try? await queue.get() }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async -> Element? { try? await queue.get() }
    }

    public func makeIterator() -> Iterator { Iterator(queue: queue) }
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(queue: queue) }
}

extension BlockingQueue {
    /// For consumers: `for item in queue.items` on a thread or fiber, `for await` in a task.
    public var items: QueueItems<Storage> { QueueItems(queue: self) }
}
