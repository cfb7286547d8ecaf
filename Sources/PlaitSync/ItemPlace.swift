public import PlaitParking

extension Waiter {
    /// The place of the item, as this waiter of a queue gave it.
    @inlinable
    @unsafe
    func place<Element>(of type: Element.Type) -> UnsafeMutablePointer<Element?> {
        unsafe slot.unsafelyUnwrapped.assumingMemoryBound(to: Element?.self)
    }
}

/// A place for an item that outlives a suspension.
@safe
@usableFromInline
final class ItemPlace<Element>: @unchecked Sendable {
    // Sendable: guarded as every place is (see QueueWaiting.swift). Owned by this object.
    @usableFromInline let item: UnsafeMutablePointer<Element?>

    @inlinable
    init(_ initial: Element?) {
        unsafe item = .allocate(capacity: 1)
        unsafe item.initialize(to: initial)
    }

    @inlinable
    deinit {
        unsafe item.deinitialize(count: 1)
        unsafe item.deallocate()
    }

    @inlinable @unsafe var address: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(item) }

    // The pointer alone does not keep this object alive.

    @inlinable var isEmpty: Bool { withExtendedLifetime(self) { unsafe item.pointee == nil } }

    @inlinable
    func take() -> Element? { withExtendedLifetime(self) { unsafe item.pointee.take() } }
}
