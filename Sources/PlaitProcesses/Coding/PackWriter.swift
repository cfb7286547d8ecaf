internal import PlaitPlatform

/// Writes MessagePack: https://github.com/msgpack/msgpack/blob/master/spec.md
///
/// A container is open until its value has been encoded, and its length is not known before. So the
/// writer reserves one byte for the header, and inserts more if the header needs them.
final class PackWriter {
    enum Kind: Equatable { case undecided, array, map, single }

    struct Frame {
        var kind = Kind.undecided
        /// Where the container's header is.
        var position: Int
        /// Where it begins.
        let start: Int
        var count = 0
        /// The key by which its parent knows the value.
        let key: (any CodingKey)?
    }

    /// What the values find in their user info.
    let context: CodingContext?
    private var bytes: [UInt8] = []
    /// The values that are being encoded, outermost first.
    private(set) var frames: [Frame] = []
    /// The writers whose bytes belong at an offset of `bytes`: containers that may grow while their
    /// parent does.
    private var insertions: [(offset: Int, writer: PackWriter)] = []

    /// - Parameter prefix: The bytes before the values.
    init(context: CodingContext? = nil, prefix: [UInt8] = []) {
        self.context = context
        bytes = prefix
    }

    // MARK: Values

    func writeNil() { bytes.append(0xC0) }

    func write(_ value: Bool) { bytes.append(value ? 0xC3 : 0xC2) }

    func write(_ value: Int64) {
        if value >= 0 { return write(UInt64(value)) }
        if value >= -32 {
            bytes.append(UInt8(bitPattern: Int8(value)))
        } else if let value = Int8(exactly: value) {
            write(0xD0, value)
        } else if let value = Int16(exactly: value) {
            write(0xD1, value)
        } else if let value = Int32(exactly: value) {
            write(0xD2, value)
        } else {
            write(0xD3, value)
        }
    }

    func write(_ value: UInt64) {
        if value < 128 {
            bytes.append(UInt8(value))
        } else if let value = UInt8(exactly: value) {
            write(0xCC, value)
        } else if let value = UInt16(exactly: value) {
            write(0xCD, value)
        } else if let value = UInt32(exactly: value) {
            write(0xCE, value)
        } else {
            write(0xCF, value)
        }
    }

    func write(_ value: Float) { write(0xCA, value.bitPattern) }

    func write(_ value: Double) { write(0xCB, value.bitPattern) }

    func write(_ value: String) {
        var value = value
        value.withUTF8 { utf8 in
            if utf8.count < 32 {
                bytes.append(0xA0 | UInt8(utf8.count))
            } else {
                writeLength(utf8.count, 0xD9, 0xDA, 0xDB)
            }
            unsafe bytes.append(contentsOf: utf8)
        }
    }

    func write(binary value: [UInt8]) {
        writeLength(value.count, 0xC4, 0xC5, 0xC6)
        bytes += value
    }

    private func writeLength(_ count: Int, _ one: UInt8, _ two: UInt8, _ four: UInt8) {
        if let count = UInt8(exactly: count) {
            write(one, count)
        } else if let count = UInt16(exactly: count) {
            write(two, count)
        } else {
            demand(count <= UInt32.max, "\(count) bytes are more than MessagePack can hold in one")
            write(four, UInt32(count))
        }
    }

    /// Writes a tag and the bytes of `value`, most significant first.
    private func write(_ tag: UInt8, _ value: some FixedWidthInteger) {
        bytes.append(tag)
        unsafe withUnsafeBytes(of: value.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    // MARK: Frames

    /// Begins a value; returns its frame.
    func begin(key: (any CodingKey)?) -> Int {
        frames.append(Frame(position: bytes.count, start: bytes.count, key: key))
        return frames.count - 1
    }

    /// Makes the value of `frame` a container of this kind. Opening the same kind again continues
    /// it.
    func open(_ kind: Kind, _ frame: Int) {
        if frames[frame].kind == kind { return }
        demand(
            frames[frame].kind == .undecided,
            "a value encoded itself in two ways: it may ask for one kind of container only")
        frames[frame].kind = kind
        frames[frame].position = bytes.count
        if kind != .single { bytes.append(0) }
    }

    /// Counts an item of the container of `frame`.
    func countItem(_ frame: Int) { frames[frame].count += 1 }

    /// Ends the youngest value. A value that encoded nothing becomes an empty map.
    func end() {
        let frame = frames.removeLast()
        switch frame.kind {
        case .single: return
        case .undecided: bytes.append(0x80)
        case .array: writeHead(frame, 0x90, 0xDC, 0xDD)
        case .map: writeHead(frame, 0x80, 0xDE, 0xDF)
        }
    }

    /// Replaces `frame` and its contents by nil, because its value could not be encoded.
    func abandon(_ frame: Int) {
        let start = frames[frame].start
        frames.removeSubrange(frame...)
        bytes.removeSubrange(start...)
        while let last = insertions.last, last.offset > start { insertions.removeLast() }
        writeNil()
    }

    private func writeHead(_ frame: Frame, _ short: UInt8, _ two: UInt8, _ four: UInt8) {
        if frame.count < 16 {
            bytes[frame.position] = short | UInt8(frame.count)
            return
        }
        let length: [UInt8]
        if let count = UInt16(exactly: frame.count) {
            bytes[frame.position] = two
            length = [UInt8(count >> 8), UInt8(truncatingIfNeeded: count)]
        } else {
            bytes[frame.position] = four
            demand(
                frame.count <= UInt32.max, "\(frame.count) items are more than MessagePack holds")
            let count = UInt32(frame.count)
            length = stride(from: 24, through: 0, by: -8).map {
                UInt8(truncatingIfNeeded: count >> UInt32($0))
            }
        }
        bytes.insert(contentsOf: length, at: frame.position + 1)
        // The insertions are sorted by their offsets.
        for index in insertions.indices.reversed() {
            if insertions[index].offset <= frame.position { break }
            insertions[index].offset += length.count
        }
    }

    // MARK: Containers that grow beside their parent

    /// A writer for a value that belongs at this place, but may be encoded after more has been
    /// written.
    func insertion() -> PackWriter {
        let writer = PackWriter(context: context)
        insertions.append((bytes.count, writer))
        return writer
    }

    /// Ends all open values and returns all bytes.
    func finish() -> [UInt8] {
        while !frames.isEmpty { end() }
        if insertions.isEmpty { return bytes }
        var all: [UInt8] = []
        var taken = 0
        for (offset, writer) in insertions {
            all += bytes[taken..<offset]
            all += writer.finish()
            taken = offset
        }
        return all + bytes[taken...]
    }
}
