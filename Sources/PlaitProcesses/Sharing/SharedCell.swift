internal import PlaitPlatform
internal import Synchronization

/// A number that processes share, and the waiters for its changes.
@safe
final class SharedCell: @unchecked Sendable {
    // Sendable: atomics.
    private static let size = 64
    private let block: SharedBlock
    let events: SharedEvents
    let turns: SharedTurns

    convenience init(_ value: UInt32, name: String) throws(SystemError) {
        self.init(try SharedBlock(name, bytes: Self.size))
        unsafe word.pointee.store(value, ordering: .releasing)
    }

    private init(_ block: SharedBlock) {
        self.block = block
        unsafe events = SharedEvents(block, at: block.base + 8)
        unsafe turns = SharedTurns(block, at: block.base + 16)
    }

    private var word: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe block.base.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    var value: UInt32 { unsafe word.pointee.load(ordering: .sequentiallyConsistent) }

    /// Changes the number to what `body` returns; nil leaves it. Returns whether it was changed.
    func change(_ body: (UInt32) -> UInt32?) -> Bool {
        var seen = value
        while let next = body(seen) {
            let (isSet, now) = unsafe word.pointee.compareExchange(
                expected: seen, desired: next, ordering: .sequentiallyConsistent)
            if isSet { return true }
            seen = now
        }
        return false
    }

    func encode(to encoder: any Encoder, as object: String) throws {
        try block.encode(to: encoder, as: object)
    }

    convenience init(from decoder: any Decoder, as object: String) throws {
        self.init(try SharedBlock(from: decoder, as: object) { $0 == Self.size })
    }
}
