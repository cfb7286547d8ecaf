internal import CPlaitLinux
internal import Glibc

/// Address space from the kernel, in whole pages.
package enum Memory {
    package static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))

    /// Reserves `bytes` of readable and writable memory. The kernel commits each page when it is
    /// first touched.
    package static func reserve(bytes: Int) throws(SystemError) -> UnsafeMutableRawPointer {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK
        let memory = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
            throw SystemError(negative: -errno, call: "mmap", subject: "\(bytes) bytes of stacks")
        }
        // One touched page must not commit two megabytes.
        _ = unsafe madvise(memory, bytes, MADV_NOHUGEPAGE)
        return unsafe memory
    }

    package static func release(_ memory: UnsafeMutableRawPointer, bytes: Int) {
        _ = unsafe munmap(memory, bytes)
    }

    /// Gives the pages back to the kernel; they read as zero when touched again.
    package static func decommit(_ memory: UnsafeMutableRawPointer, bytes: Int) {
        _ = unsafe madvise(memory, bytes, MADV_DONTNEED)
    }

    /// Makes accesses trap, without using up a mapping. Returns false before Linux 6.13.
    package static func installGuard(_ memory: UnsafeMutableRawPointer, bytes: Int) -> Bool {
        unsafe plait_guard_install(memory, bytes) == 0
    }

    /// Makes an access trap, at the price of up to two mappings. False when they are used up.
    package static func protect(_ memory: UnsafeMutableRawPointer, bytes: Int) -> Bool {
        unsafe mprotect(memory, bytes, PROT_NONE) == 0
    }
}

/// A NUL-terminated copy of `text`, which the caller frees by ``freeC(_:)``. Nil if there is no
/// memory.
package func copyToC(_ text: String) -> UnsafePointer<CChar>? {
    unsafe UnsafePointer(strdup(text))
}

package func freeC(_ text: UnsafePointer<CChar>) {
    unsafe free(UnsafeMutableRawPointer(mutating: text))
}
