internal import Glibc

/// The identity of a Unix socket's file. Its path may later belong to another socket.
package struct SocketFile: Sendable {
    private let path: String
    private let device: UInt
    private let inode: UInt

    /// The file that an address names now. Nil if there is none, and in the abstract namespace.
    package init?(of address: SocketAddress) {
        guard let path = address.path, let (device, inode) = SocketFile.identity(of: path) else {
            return nil
        }
        (self.path, self.device, self.inode) = (path, device, inode)
    }

    /// Removes the file, unless its path now belongs to another file.
    package func remove() {
        guard let (device, inode) = SocketFile.identity(of: path), device == self.device,
            inode == self.inode
        else { return }
        _ = unsafe Glibc.unlink(path)
    }

    private static func identity(of path: String) -> (UInt, UInt)? {
        var found = stat()
        guard unsafe lstat(path, &found) == 0 else { return nil }
        return (UInt(found.st_dev), UInt(found.st_ino))
    }
}
