internal import PlaitPlatform

/// The name of a type, by which another process that runs the same program finds it.
///
/// The name may come from a hostile process or from another build. Whatever it says, ``resolve()``
/// returns a type of this program or nil.
package struct TypeName: Codable, Hashable, Sendable {
    /// The mangled name, for a type that the runtime finds by name.
    private let mangled: String?
    /// For a private or local type: the place of its description in the program's image; `name` is
    /// its own name.
    private let offset: Int?
    private let name: String?

    /// Nil for a private type of a loaded library, which no other process finds, and for a type
    /// whose name is longer or nested deeper than ``resolve()`` accepts.
    package init?(_ type: Any.Type) {
        if let name = _mangledTypeName(type), Self.isPlain(name), let found = _typeByName(name),
            found == type
        {
            (mangled, offset, self.name) = (name, nil, nil)
        } else if let place = Image.place(of: type) {
            (mangled, offset, name) = (nil, place.offset, place.name)
        } else {
            return nil
        }
    }

    /// Whether the name is valid only in the very same program, because its type is private or
    /// local.
    package var isPrivate: Bool { mangled == nil }

    /// The type; nil if there is no such type, as in another version of the program.
    package func resolve() -> (Any.Type)? {
        if let mangled { return Self.isPlain(mangled) ? _typeByName(mangled) : nil }
        guard let offset, let name else { return nil }
        return Image.type(at: offset, name: name)
    }

    /// Whether it is safe to ask the runtime for a mangled name. The runtime follows addresses in a
    /// name, and recurses as deep as the name nests.
    private static func isPlain(_ mangled: String) -> Bool {
        let bytes = Array(mangled.utf8)
        guard bytes.count <= 400 else { return false }
        var operators = 0
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "1")...UInt8(ascii: "9"):
                // An identifier, which follows its length.
                var length = Int(byte - UInt8(ascii: "0"))
                while index < bytes.count, length < bytes.count,
                    case UInt8(ascii: "0")...UInt8(ascii: "9") = bytes[index]
                {
                    length = 10 * length + Int(bytes[index] - UInt8(ascii: "0"))
                    index += 1
                }
                let end = min(index + length, bytes.count)
                guard bytes[index..<end].allSatisfy(isWord) else { return false }
                index = end
            default:
                guard isWord(byte) else { return false }
                operators += 1
            }
        }
        return operators <= 160
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"):
            true
        default: false
        }
    }
}
