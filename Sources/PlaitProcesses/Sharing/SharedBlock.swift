internal import PlaitPlatform

/// A descriptor of memory that processes share. It goes along where its object does.
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

/// A run of memory that processes share, of which what they share is made.
@safe
final class SharedBlock: Sendable {
    private let file: SharedFile
    private let pages: SharedPages

    /// So many bytes, all zero.
    convenience init(_ name: String, bytes: Int) throws(SystemError) {
        try self.init(SharedFile(owning: try SharedPages.make(name: name, bytes: bytes)))
    }

    /// All that a descriptor has.
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

    /// - Parameter isRight: Whether so many bytes can be such an object.
    convenience init(
        from decoder: any Decoder, as object: String, where isRight: (Int) -> Bool
    ) throws {
        try self.init(try SharedFile(from: decoder, as: object))
        guard isRight(bytes) else { throw SharingError.malformed(object) }
    }
}
