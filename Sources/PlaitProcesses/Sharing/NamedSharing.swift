internal import SystemPackage
public import PlaitPlatform

/// Shared memory with a name, for programs that do not start each other.
extension SharedMemory {
    /// Makes memory that other programs open by name. It stays until somebody calls ``unlink(_:)``,
    /// even when all programs that use it have ended.
    /// - Parameter name: The name, with or without a slash at its start and with no other slash.
    /// - Throws: `SystemError` with the name: EEXIST; EINVAL for a name that is empty, too long, or
    ///   has a slash within; ENOMEM, EMFILE.
    /// - Source: Python's `SharedMemory(name, create=True, size)`.
    public convenience init(named name: String, bytes: Int) throws(SystemError) {
        demand(bytes >= 1, "a SharedMemory of \(bytes) bytes; give 1 or more")
        let file = try NamedMemory.make(name, bytes: bytes)
        self.init(try SharedBlock(owning: file))
    }

    /// As ``init(named:bytes:)``, with a new name.
    /// - Returns: The memory, and its name.
    public static func named(bytes: Int) throws(SystemError) -> (SharedMemory, name: String) {
        try named(bytes: bytes) { "\(start(processID()))\(UInt32.random(in: 0 ... .max))" }
    }

    /// The beginning of the names that a process invents.
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

    /// Opens the whole memory that another program made.
    /// - Throws: `SystemError` with the name: ENOENT if there is none; EACCES, EINVAL; ENOMEM,
    ///   EMFILE.
    /// - Source: Python's `SharedMemory(name)`.
    public convenience init(opening name: String) throws(SystemError) {
        self.init(try SharedBlock(owning: try NamedMemory.open(name)))
    }

    /// Removes a name, so that nobody can open the memory any more. Programs that have it open keep
    /// it.
    /// - Throws: `SystemError` with the name: ENOENT, EINVAL.
    /// - Source: Python's `SharedMemory.unlink`.
    public static func unlink(_ name: String) throws(SystemError) { try NamedMemory.unlink(name) }
}
