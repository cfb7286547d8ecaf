public import PlaitPlatform
public import PlaitProcesses

/// Why a manager did not do what it was asked to do.
public enum ManagerError: Error, Codable, Hashable, Sendable, CustomStringConvertible {
    /// Nobody holds the object any more.
    case objectGone(UInt64)
    /// The object has another type than the reference or the name says.
    case otherType(expected: String, found: String)
    /// The manager does not have the call: it runs another version of the program, or the call's
    /// type is private and the manager runs another program.
    case unknownCall(String)
    /// A type is private to a loaded library, or generic over such a type.
    case unreachable(String)
    /// A reference came without the manager's key, and this program is not connected to the
    /// manager.
    case notConnected(SocketAddress)
    /// A forked child used the manager of its parent.
    case forked
    /// Only calls in a manager can share objects.
    case notInManager
    /// The call, or its result, has more bytes than the manager's ``ManagerLimits`` allow.
    case tooLong(Int)
    /// A list or array has no such index.
    case noSuchIndex(Int, count: Int)
    /// The lock is not held by the calling strand or task.
    case notHeld
    /// More permits were released than a bounded semaphore has.
    case tooManyReleases(bound: Int)
    /// More items were reported done than were put into the queue.
    case tooManyDone
    /// The number is out of the range that the object's kind allows.
    case badNumber(String)

    public var description: String {
        switch self {
        case .objectGone(let number):
            "object \(number) of the manager is gone: nobody held it; keep a reference, or name it"
        case .otherType(let expected, let found):
            "the manager's object is a \(found), not a \(expected)"
        case .unknownCall(let name):
            "the manager does not have \(name): run the same program there, or make it public"
        case .unreachable(let type):
            """
            no other process finds \(type): it is private to a library, or generic over a private type; \
            make that internal
            """
        case .notConnected(let address):
            "no key for the manager at \(address); call Manager.connect(to:key:) first"
        case .forked: "a forked child cannot use its parent's manager; connect it anew"
        case .notInManager: "only a call that runs in a manager shares its objects"
        case .tooLong(let count):
            "a call or result of \(count) bytes is more than the manager's limit; split it"
        case .noSuchIndex(let index, let count): "no index \(index) among \(count) items"
        case .notHeld: "the lock is not held by the calling strand; release what was acquired"
        case .tooManyReleases(let bound):
            "released more often than acquired: the semaphore has \(bound) permits"
        case .tooManyDone: "taskDone more often than items were put; call it once for each"
        case .badNumber(let reason): reason
        }
    }
}

/// A manager's process has ended, by a trap in a call, a signal or a shut-down, or the connection
/// to it is broken. Its objects are gone.
public struct ManagerDied: Error, Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let pid: Int32
    /// How the manager crashed, with its last words. Nil in a process that did not start the
    /// manager, and if it did not crash.
    public let crash: WorkerCrashed?

    public var description: String {
        if let crash { return "manager \(name) died: \(crash)" }
        return "manager \(name) (\(pid)) has ended, or the connection to it"
    }
}
