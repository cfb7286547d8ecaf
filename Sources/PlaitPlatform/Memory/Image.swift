internal import CPlaitLinux

/// The image of the program in memory, with its code and constants. Its address changes from
/// process to process, but the distances within it stay the same.
package enum Image {
    /// The offset of the compiler's description of a type from the image's start, and the type's
    /// own name. Nil for a generic type and for a type without a description.
    package static func place(of type: Any.Type) -> (offset: Int, name: String)? {
        var name: UnsafePointer<CChar>?
        let metadata = unsafe unsafeBitCast(type, to: UnsafeRawPointer.self)
        let offset = unsafe plait_type_offset(metadata, &name)
        guard offset >= 0, let name = unsafe name else { return nil }
        return unsafe (offset, String(cString: name))
    }

    /// The type whose ``place(of:)`` another process of the same program has sent. Nil if the
    /// program has no type of this name at this offset; any offset is safe.
    package static func type(at offset: Int, name: String) -> (Any.Type)? {
        if let type = known.withLock({ $0[offset] }) { return type.name == name ? type.type : nil }
        guard let metadata = unsafe plait_type_at(offset, name) else { return nil }
        let type = unsafe unsafeBitCast(metadata, to: Any.Type.self)
        known.withLock { $0[offset] = (name, type) }
        return type
    }

    /// The types found so far, by offset.
    private static let known = Guarded<[Int: (name: String, type: Any.Type)]>([:])
}
