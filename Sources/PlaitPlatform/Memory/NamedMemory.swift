internal import Glibc

/// Memory that processes share by a name: POSIX's shm_open(3). It lasts until somebody unlinks it
/// or the system shuts down.
package enum NamedMemory {
    /// Makes named memory of `bytes` zero bytes.
    /// - Throws: `SystemError` with the name: EEXIST; EINVAL for a name that is empty, too long, or
    ///   has a slash within.
    package static func make(_ name: String, bytes: Int) throws(SystemError) -> Descriptor {
        let file = try open(name, O_RDWR | O_CREAT | O_EXCL)
        guard ftruncate(file.number, bytes) == 0 else {
            let code = errno
            try? unlink(name)
            throw SystemError(negative: -code, call: "ftruncate", subject: name)
        }
        return file
    }

    /// - Throws: `SystemError`: ENOENT, EACCES, EINVAL, with the name.
    package static func open(_ name: String) throws(SystemError) -> Descriptor {
        try open(name, O_RDWR)
    }

    /// Removes the name. Processes that have opened the memory keep it.
    package static func unlink(_ name: String) throws(SystemError) {
        let path = try path(name, "shm_unlink")
        try check(unsafe shm_unlink(path) < 0 ? -errno : 0, "shm_unlink", name)
    }

    private static func open(_ name: String, _ how: Int32) throws(SystemError) -> Descriptor {
        let path = try path(name, "shm_open")
        let number = unsafe shm_open(path, how | O_CLOEXEC, 0o600)
        return Descriptor(owning: try check(number < 0 ? -errno : number, "shm_open", name))
    }

    /// The name with one slash at its start. Refuses a NUL, at which the system would cut the name.
    private static func path(_ name: String, _ call: String) throws(SystemError) -> String {
        let bare = name.hasPrefix("/") ? String(name.dropFirst()) : name
        guard !bare.isEmpty, !bare.utf8.contains(0), !bare.contains("/") else {
            throw SystemError(negative: -EINVAL, call: call, subject: name)
        }
        return "/" + bare
    }
}
