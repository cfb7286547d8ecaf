public import PlaitParking

extension Waiter {
    /// The place that this waiter of a queue gave.
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
    // Sendable: guarded as every place is. Owned.
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

    // The pointer alone does not keep this object.

    @inlinable var isEmpty: Bool { withExtendedLifetime(self) { unsafe item.pointee == nil } }

    @inlinable
    func take() -> Element? { withExtendedLifetime(self) { unsafe item.pointee.take() } }
}
