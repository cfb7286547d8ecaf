internal import SystemPackage
public import PlaitPlatform

/// Shared memory with a name, for programs that do not start each other.
extension SharedMemory {
    /// Makes memory that others open by name. It stays until somebody calls ``unlink(_:)``, even
    /// when all programs that have it have ended.
    /// - Parameter name: With or without a slash at its start, and no other.
    /// - Throws: `SystemError` with the name: EEXIST; EINVAL for a name that is empty, too long, or
    ///   has a slash within; ENOMEM, EMFILE.
    /// - Source: Python's `SharedMemory(name, create=True, size)`.
    public convenience init(named name: String, bytes: Int) throws(SystemError) {
        demand(bytes >= 1, "a SharedMemory of \(bytes) bytes; give 1 or more")
        let file = try NamedMemory.make(name, bytes: bytes)
        self.init(try SharedBlock(owning: file))
    }

    /// As ``init(named:bytes:)``, with a name that nobody has.
    /// - Returns: The memory, and its name.
    public static func named(bytes: Int) throws(SystemError) -> (SharedMemory, name: String) {
        try named(bytes: bytes) { "\(start(processID()))\(UInt32.random(in: 0 ... .max))" }
    }

    /// Of the names that a process invents.
    private static func start(_ pid: Int32) -> String { "plait-\(pid)-" }

    static func named(
        bytes: Int, _ invent: () -> String
    ) throws(SystemError) -> (SharedMemory, name: String) {
        while true {
            let name = invent()
            do throws(SystemError) {
                return (try SharedMemory(named: name, bytes: bytes), name)
            } catch  where error.errno == .fileExists {
                continue
            }
        }
    }

    /// Opens what another made: all of its bytes.
    /// - Throws: `SystemError` with the name: ENOENT where there is none; EACCES, EINVAL; ENOMEM,
    ///   EMFILE.
    /// - Source: Python's `SharedMemory(name)`.
    public convenience init(opening name: String) throws(SystemError) {
        self.init(try SharedBlock(owning: try NamedMemory.open(name)))
    }

    /// Takes a name away: nobody opens it any more; who has the memory keeps it.
    /// - Throws: `SystemError` with the name: ENOENT, EINVAL.
    /// - Source: Python's `SharedMemory.unlink`.
    public static func unlink(_ name: String) throws(SystemError) { try NamedMemory.unlink(name) }
}
