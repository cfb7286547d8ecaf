// Receiving in a loop.
extension Channel {
    /// Takes the oldest item, waiting while there is none; nil once closed and drained.
    ///
    /// Use it in loops that must tell a cancellation from the end: `while let item = try
    /// channel.next()`.
    /// - Throws: `CancellationError`.
    @available(*, noasync)
    @inlinable
    public func next() throws -> sending Element? {
        do {
            return try receive()
        } catch ChannelError.closed {
            return nil
        }
    }

    /// Takes the oldest item, suspending the calling task while there is none; nil once closed and
    /// drained.
    @inlinable
    public func next() async throws -> sending Element? {
        do {
            return try await receive()
        } catch ChannelError.closed {
            return nil
        }
    }
}

/// Receives until the channel is closed and drained. Several loops share the items.
///
/// Blocks the calling thread or parks the calling fiber. A cancellation ends the loop too, since a
/// `for` without `await` cannot throw. If that matters, loop over ``Channel/next()``.
/// - Source: gevent's `Channel.__iter__`. Closing replaces its `StopIteration` item.
extension Channel: Sequence {
    public struct Iterator: IteratorProtocol {
        @usableFromInline let channel: Channel

        @inlinable
        init(_ channel: Channel) { self.channel = channel }

        @available(*, noasync)
        @inlinable
        public mutating func next() -> Element? {
            do {
                return try channel.next()
            } catch {
                return nil
            }
        }
    }

    @available(*, noasync)
    @inlinable
    public func makeIterator() -> Iterator { Iterator(self) }
}

/// Receives until the channel is closed and drained. Several loops share the items.
///
/// Suspends the calling task. Throws `CancellationError`.
extension Channel: AsyncSequence {
    public struct AsyncIterator: AsyncIteratorProtocol {
        @usableFromInline let channel: Channel

        @inlinable
        init(_ channel: Channel) { self.channel = channel }

        @inlinable
        public mutating func next() async throws -> Element? { try await channel.next() }
    }

    @inlinable
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(self) }
}
