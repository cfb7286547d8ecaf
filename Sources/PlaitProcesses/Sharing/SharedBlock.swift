internal import PlaitPlatform

/// A descriptor of shared memory. It travels with the object that uses the memory.
final class SharedFile: Sendable {
    let number: Int32

    init(owning file: consuming Descriptor) { number = file.release() }

    deinit { closeDescriptor(number) }

    func encode(to encoder: any Encoder, as object: String) throws {
        let bag = try DescriptorBag.of(encoder.userInfo, for: object)
        var container = encoder.singleValueContainer()
        try container.encode(bag.put(number))
    }

    convenience init(from decoder: any Decoder, as object: String) throws {
        let bag = try DescriptorBag.of(decoder.userInfo, for: object)
        self.init(owning: try bag.copy(try decoder.singleValueContainer().decode(Int.self)))
    }
}

/// A block of shared memory, in which a shared object lies.
@safe
final class SharedBlock: Sendable {
    private let file: SharedFile
    private let pages: SharedPages

    /// Makes a block of zero bytes.
    convenience init(_ name: String, bytes: Int) throws(SystemError) {
        try self.init(SharedFile(owning: try SharedPages.make(name: name, bytes: bytes)))
    }

    /// Maps all bytes of a descriptor.
    convenience init(owning file: consuming Descriptor) throws(SystemError) {
        try self.init(SharedFile(owning: file))
    }

    private init(_ file: SharedFile) throws(SystemError) {
        self.file = file
        pages = try SharedPages(
            mapping: file.number, bytes: try SharedPages.size(of: file.number))
    }

    var number: Int32 { file.number }
    var bytes: Int { pages.bytes }
    var base: UnsafeMutableRawPointer { unsafe pages.base }

    func encode(to encoder: any Encoder, as object: String) throws {
        try file.encode(to: encoder, as: object)
    }

    /// - Parameter isRight: Whether an object of this kind can have the given number of bytes.
    convenience init(
        from decoder: any Decoder, as object: String, where isRight: (Int) -> Bool
    ) throws {
        try self.init(try SharedFile(from: decoder, as: object))
        guard isRight(bytes) else { throw SharingError.malformed(object) }
    }
}
