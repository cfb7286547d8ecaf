internal import PlaitPlatform

/// A type of this program, as another process that runs the same program finds it.
package struct TypeName: Codable, Hashable, Sendable {
    /// For a type that the runtime finds by name.
    private let mangled: String?
    /// For a private or local one: from the start of the program's image.
    private let offset: Int?

    /// Nil for a private type of a library that is loaded, which nobody finds.
    package init?(_ type: Any.Type) {
        if let name = _mangledTypeName(type), let found = _typeByName(name), found == type {
            (mangled, offset) = (name, nil)
        } else if let place = Image.offset(of: type) {
            (mangled, offset) = (nil, place)
        } else {
            return nil
        }
    }

    /// Whether it is good only in the very same program: its type is private or local.
    package var isPrivate: Bool { mangled == nil }

    /// Nil where there is no such type, as in a program of another version.
    package func resolve() -> (Any.Type)? {
        if let mangled { return _typeByName(mangled) }
        return offset.flatMap { Image.type(at: $0) }
    }
}
