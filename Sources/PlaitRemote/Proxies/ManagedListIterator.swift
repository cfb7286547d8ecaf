/// The items of a ``ManagedList``, one after the other. It sees changes that are made meanwhile.
/// Once it has reached the end, it stays there.
/// - Source: Python's `iter` of a `ListProxy`.
public struct ManagedListIterator<Element: Codable & Sendable>: Sendable {
    private let list: ManagedList<Element>
    private var place: Int? = 0

    init(_ list: ManagedList<Element>) { self.list = list }

    /// The next item; nil at the end.
    @available(*, noasync)
    public mutating func next() throws -> Element? {
        guard let index = place else { return nil }
        return advance(try list.object.call(ListStore<Element>.At(index: index)), from: index)
    }

    /// The next item, suspending the calling task.
    public mutating func next() async throws -> Element? {
        guard let index = place else { return nil }
        return advance(try await list.object.call(ListStore<Element>.At(index: index)), from: index)
    }

    private mutating func advance(_ item: Element?, from index: Int) -> Element? {
        place = item == nil ? nil : index + 1
        return item
    }
}
