internal import CPlaitLinux

/// The image of the program in memory: its code and constants, at an address that changes from process
/// to process while the distances within it stay.
package enum Image {
    /// How far from the image's start a type's metadata lies; nil where it lies elsewhere.
    package static func offset(of type: Any.Type) -> Int? {
        let address = unsafe unsafeBitCast(type, to: UInt.self)
        let bounds = plait_image_start()..<plait_image_end()
        return bounds.contains(address) ? Int(address - bounds.lowerBound) : nil
    }

    /// What ``offset(of:)`` told another process of the same program. Nil where the image ends before it.
    package static func type(at offset: Int) -> (Any.Type)? {
        let bounds = plait_image_start()..<plait_image_end()
        guard offset >= 0, offset < bounds.count else { return nil }
        return unsafe unsafeBitCast(bounds.lowerBound + UInt(offset), to: Any.Type.self)
    }
}
