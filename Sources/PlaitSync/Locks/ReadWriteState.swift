internal import PlaitParking

/// The pure state of a ``ReadWriteLock``.
///
/// While nobody holds the lock, nobody waits. Readers wait only while a writer holds it or is
/// queued.
struct ReadWriteState<Waiters: WaiterList> {
    enum Holder: Hashable { case nobody, readers(Int), writer }

    private(set) var holder = Holder.nobody
    private var readers = Waiters()
    private var writers = Waiters()
    /// Whether a writer has released the lock, so that the waiting readers go in although other
    /// writers wait.
    private var letsBatchIn = false

    var readerCount: Int {
        if case .readers(let count) = holder { count } else { 0 }
    }

    mutating func tryRead() -> Bool {
        guard holder != .writer, writers.isEmpty else { return false }
        holder = .readers(readerCount + 1)
        return true
    }

    mutating func tryWrite() -> Bool {
        guard holder == .nobody else { return false }
        holder = .writer
        return true
    }

    /// Takes it for `waiter` to read and returns true, or queues it.
    mutating func read(orQueue waiter: Waiters.Element) -> Bool {
        if tryRead() { return true }
        readers.append(waiter)
        return false
    }

    /// Takes it for `waiter` to write and returns true, or queues it.
    mutating func write(orQueue waiter: Waiters.Element) -> Bool {
        if tryWrite() { return true }
        writers.append(waiter)
        return false
    }

    // After each of the following, call admitNext() until it returns nil.

    /// False when nobody reads.
    mutating func releaseRead() -> Bool {
        guard case .readers(let count) = holder else { return false }
        holder = count == 1 ? .nobody : .readers(count - 1)
        return true
    }

    /// False when nobody writes.
    mutating func releaseWrite() -> Bool {
        guard holder == .writer else { return false }
        holder = .nobody
        letsBatchIn = true
        return true
    }

    mutating func withdrawReader(_ waiter: Waiters.Element) { readers.remove(waiter) }

    mutating func withdrawWriter(_ waiter: Waiters.Element) { writers.remove(waiter) }

    /// Lets in one waiter, if one may enter. It is a writer if `holder` is the writer afterwards,
    /// otherwise a reader. After each change, call it until it returns nil.
    mutating func admitNext() -> Waiters.Element? {
        guard holder != .writer else { return nil }
        if !letsBatchIn, let writer = admitWriter() { return writer }
        if letsBatchIn || writers.isEmpty, let reader = readers.claimFirst() {
            holder = .readers(readerCount + 1)
            return reader
        }
        letsBatchIn = false
        return admitWriter()
    }

    private mutating func admitWriter() -> Waiters.Element? {
        guard holder == .nobody, let writer = writers.claimFirst() else { return nil }
        holder = .writer
        return writer
    }
}

// For tests, which walk through all states.
extension ReadWriteState: Equatable, Hashable where Waiters: Hashable {}
