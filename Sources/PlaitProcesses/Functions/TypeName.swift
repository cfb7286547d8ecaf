internal import PlaitPlatform

/// A type of this program, as another process that runs the same program finds it.
///
/// It may come from a process that was taken over, or from another build: whatever it says,
/// ``resolve()`` gives a type of this program or nil.
package struct TypeName: Codable, Hashable, Sendable {
    /// For a type that the runtime finds by name.
    private let mangled: String?
    /// For a private or local one: where its description lies in the program's image, and its own
    /// name.
    private let offset: Int?
    private let name: String?

    /// Nil for a private type of a library that is loaded, which nobody finds, and for one whose
    /// name is longer or nested deeper than ``resolve()`` takes.
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

    /// Whether it is good only in the very same program: its type is private or local.
    package var isPrivate: Bool { mangled == nil }

    /// Nil where there is no such type, as in a program of another version.
    package func resolve() -> (Any.Type)? {
        if let mangled { return Self.isPlain(mangled) ? _typeByName(mangled) : nil }
        guard let offset, let name else { return nil }
        return Image.type(at: offset, name: name)
    }

    /// Whether the runtime can be asked for a mangled name without danger: it follows addresses
    /// that stand in one, and goes as deep as one nests.
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
                // An identifier, behind its length.
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
