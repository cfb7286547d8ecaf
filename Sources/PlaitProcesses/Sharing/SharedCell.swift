internal import PlaitPlatform
internal import Synchronization

/// A number that processes share, and those who wait for it to change.
@safe
final class SharedCell: @unchecked Sendable {
    // Sendable: atomics.
    private static let size = 64
    private let pages: SharedPages
    private let file: Int32
    let events: SharedEvents

    convenience init(_ value: UInt32, name: String) throws {
        try self.init(owning: try SharedPages.make(name: name, bytes: Self.size))
        unsafe word.pointee.store(value, ordering: .releasing)
    }

    private init(owning file: consuming Descriptor) throws(SystemError) {
        pages = try SharedPages(mapping: file.number, bytes: Self.size)
        unsafe events = SharedEvents(pages, at: pages.base + 8)
        self.file = file.release()
    }

    deinit { closeDescriptor(file) }

    private var word: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe pages.base.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    var value: UInt32 { unsafe word.pointee.load(ordering: .sequentiallyConsistent) }

    /// Changes it to what `body` makes of it; nil leaves it. Returns whether it was changed.
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
        let bag = try DescriptorBag.of(encoder.userInfo, for: object)
        var container = encoder.singleValueContainer()
        try container.encode(bag.put(file))
    }

    convenience init(from decoder: any Decoder, as object: String) throws {
        let bag = try DescriptorBag.of(decoder.userInfo, for: object)
        let file = try bag.copy(try decoder.singleValueContainer().decode(Int.self))
        guard try SharedPages.size(of: file.number) == Self.size else {
            throw SharingError.malformed(object)
        }
        try self.init(owning: file)
    }
}
