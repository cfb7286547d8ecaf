internal import CPlaitLinux
internal import Glibc

/// Memory that processes share by a descriptor: a page of single words, and rings. Each ring is
/// mapped twice in a row, so that data beyond a ring's end continues at its start.
@safe
package final class SharedRings: @unchecked Sendable {
    // Sendable: the addresses are constant; the users of the memory order their accesses.
    package static let headSize = 4_096
    private let base: UnsafeMutableRawPointer
    private let ringSize: Int
    private let count: Int

    /// Makes a descriptor of new memory, all zero.
    package static func make(
        name: String, rings: Int, of ringSize: Int
    ) throws(SystemError) -> Descriptor {
        unsafe Descriptor(
            owning: try check(
                plait_memory_file(name, headSize + rings * ringSize), "memfd_create", name))
    }

    /// - Parameter ringSize: A multiple of a page.
    package init(mapping number: Int32, rings: Int, of ringSize: Int) throws(SystemError) {
        guard let base = unsafe plait_map_rings(number, Self.headSize, ringSize, Int32(rings))
        else {
            throw SystemError(negative: -errno, call: "mmap", subject: "shared rings")
        }
        unsafe self.base = unsafe base
        self.ringSize = ringSize
        count = rings
    }

    deinit { unsafe munmap(base, Self.headSize + 2 * ringSize * count) }

    /// The page of words.
    package var head: UnsafeMutableRawPointer { unsafe base }
    /// The address of a ring's bytes, which follow once more after themselves.
    package func ring(_ index: Int) -> UnsafeMutableRawPointer {
        unsafe base + Self.headSize + 2 * ringSize * index
    }
}
