internal import CPlaitLinux

/// The image of the program in memory: its code and constants, at an address that changes from
/// process to process while the distances within it stay.
package enum Image {
    /// Where the compiler has described a type that is not generic: how far from the image's start,
    /// and the type's own name. Nil where it has not.
    package static func place(of type: Any.Type) -> (offset: Int, name: String)? {
        var name: UnsafePointer<CChar>?
        let metadata = unsafe unsafeBitCast(type, to: UnsafeRawPointer.self)
        let offset = unsafe plait_type_offset(metadata, &name)
        guard offset >= 0, let name = unsafe name else { return nil }
        return unsafe (offset, String(cString: name))
    }

    /// The type that ``place(of:)`` told another process of the same program. Nil where the program
    /// has no type of this name there, whatever the offset is.
    package static func type(at offset: Int, name: String) -> (Any.Type)? {
        if let type = known.withLock({ $0[offset] }) { return type.name == name ? type.type : nil }
        guard let metadata = unsafe plait_type_at(offset, name) else { return nil }
        let type = unsafe unsafeBitCast(metadata, to: Any.Type.self)
        known.withLock { $0[offset] = (name, type) }
        return type
    }

    /// Types that were found, by offset.
    private static let known = Guarded<[Int: (name: String, type: Any.Type)]>([:])
}
