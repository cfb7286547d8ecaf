internal import Glibc

extension SharedPages {
    /// The place where other processes of the same user find memory that this process has open.
    package struct Place: Codable, Hashable, Sendable {
        let pid: Int32
        let number: Int32
        let device: UInt64
        let inode: UInt64

        /// The place of a descriptor of this process.
        package init(of number: Int32) throws(SystemError) {
            pid = processID()
            self.number = number
            let status = try SharedPages.status(of: number)
            (device, inode) = (UInt64(status.st_dev), UInt64(status.st_ino))
        }

        /// Opens a descriptor of the caller's own.
        /// - Throws: `SystemError`: ENOENT if that process has ended or has closed the descriptor.
        package func open() throws(SystemError) -> Descriptor {
            let path = "/proc/\(pid)/fd/\(number)"
            let number = unsafe Glibc.open(path, O_RDWR | O_CLOEXEC)
            let file = Descriptor(owning: try check(number < 0 ? -errno : number, "open", path))
            // Another process may have got the number meanwhile.
            let status = try SharedPages.status(of: file.number)
            guard UInt64(status.st_dev) == device, UInt64(status.st_ino) == inode else {
                throw SystemError(negative: -ENOENT, call: "open", subject: path)
            }
            return file
        }
    }
}
