internal import PlaitPlatform

/// Values in shared memory, without a lock. Use it for data that one strand writes at a time.
///
/// A view is not a copy: writing changes the memory, and reading gives the present values.
/// - Source: Python's `multiprocessing.RawArray`, `memoryview.cast`.
public struct SharedView<Element: BitwiseCopyable & Sendable>: RandomAccessCollection, Sendable {
    private let block: SharedBlock
    private let offset: Int
    public let count: Int

    init(_ block: SharedBlock, at offset: Int, count: Int) {
        (self.block, self.offset, self.count) = (block, offset, count)
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { count }

    /// Traps past the end.
    public subscript(place: Int) -> Element {
        get { unsafe block.base.loadUnaligned(fromByteOffset: byte(place), as: Element.self) }
        nonmutating set {
            unsafe block.base.storeBytes(of: newValue, toByteOffset: byte(place), as: Element.self)
        }
    }

    /// Writes values one after the other. Traps past the end.
    public func store(_ values: some Sequence<Element>, at start: Int = 0) {
        var place = start
        for value in values {
            self[place] = value
            place += 1
        }
    }

    private func byte(_ place: Int) -> Int {
        demand(place >= 0 && place < count, "value \(place) of a shared run of \(count)")
        return offset + place * MemoryLayout<Element>.stride
    }
}
