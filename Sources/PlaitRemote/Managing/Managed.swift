internal import PlaitPlatform
internal import PlaitProcesses
public import PlaitStrands
internal import Synchronization

/// A reference to an object of a ``Manager``. Any process can make calls on the object.
///
/// You may copy it, send it to other processes in the input or output of functions, put it into a
/// `ProcessQueue`, send it through a `Connection`, and put it into other managed objects. The
/// object lives as long as a process or the manager holds a reference. The references of a process
/// end with the process. An object with a name lives as long as the manager.
///
/// A reference on its way keeps its object alive too: in the input of a process until that process
/// has ended, in an item of a pool until the item is done, and in a result, an item of a queue or a
/// message until it is decoded. If the sender ends first, the receiver has another minute to decode
/// it. Bytes from an encoder of your own keep the object for a second, so hold a reference until
/// the receiver has decoded them.
///
/// Outside of its manager's connections, an encoded reference carries what another process needs to
/// connect to the manager. For a manager on this machine that includes the key, so anybody who gets
/// the bytes may call the manager.
/// - Source: Python's `multiprocessing.managers.BaseProxy`.
public struct Managed<Object: AnyObject>: Sendable, Hashable {
    let reference: ManagedReference

    init(_ reference: ManagedReference) { self.reference = reference }

    /// Makes a reference to an object that a call has made. The call may return it or keep it in
    /// another object.
    /// - Throws: ``ManagerError/notInManager`` anywhere else.
    public init(sharing object: Object) throws(ManagerError) {
        guard let server = ManagerServer.current else { throw .notInManager }
        reference = .served(ServedReference(server.serve(object), server))
    }

    /// Makes a call, and waits for its result.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Parameter limit: Longest wait; `nil` waits for ever, or as long as the call's own limit
    ///   allows.
    /// - Throws: The call's error; ``ManagerError``; ``ManagerDied``; `TimedOut` past the limit;
    ///   `CancellationError`. After the last two, a call that waits in the manager is given up, and
    ///   any other call may still be done.
    @available(*, noasync)
    @discardableResult
    public func call<Call: ManagedCall>(
        _ call: Call, within limit: Duration? = nil
    ) throws -> Call.Output where Call.Target == Object {
        switch reference {
        case .remote(let remote): try remote.client.call(call, on: remote.object, within: limit)
        case .served(let served): try served.run(call)
        }
    }

    /// Makes a call, suspending the calling task until it has a result.
    @discardableResult
    public func call<Call: ManagedCall>(
        _ call: Call, within limit: Duration? = nil
    ) async throws -> Call.Output where Call.Target == Object {
        switch reference {
        case .remote(let remote):
            try await remote.client.call(call, on: remote.object, within: limit)
        case .served(let served): try await blocking { try served.run(call) }
        }
    }

    /// Makes a call without waiting for its result. Many calls may be under way, and the manager
    /// runs them in this order. Cancelling the future has no effect.
    ///
    /// Blocks the calling thread or parks the calling fiber while 65,536 calls are under way.
    /// - Throws: ``ManagerError``; ``ManagerDied``; `CancellationError`; errors of the call's
    ///   encoding.
    @available(*, noasync)
    public func submit<Call: ManagedCall>(
        _ call: Call
    ) throws -> Future<Call.Output> where Call.Target == Object {
        switch reference {
        case .remote(let remote): try remote.client.submit(call, on: remote.object)
        case .served(let served): served.submit(call)
        }
    }

    /// As ``submit(_:)``, suspending the calling task while 65,536 calls are under way.
    public func submit<Call: ManagedCall>(
        _ call: Call
    ) async throws -> Future<Call.Output> where Call.Target == Object {
        switch reference {
        case .remote(let remote): try await remote.client.submit(call, on: remote.object)
        case .served(let served): try await blocking { served.submit(call) }
        }
    }

    public static func == (left: Managed, right: Managed) -> Bool {
        left.reference.identity == right.reference.identity
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(reference.identity) }
}

extension Managed: CustomStringConvertible {
    /// Such as `Managed<Counter>(3 of manager-4711)`.
    public var description: String {
        let (manager, object) =
            switch reference {
            case .remote(let remote): (remote.client.identity.name, remote.object)
            case .served(let served): (served.server.identity.name, served.object.number)
            }
        return "Managed<\(Object.self)>(\(object) of \(manager))"
    }
}

/// What a ``Managed`` object is in this process.
enum ManagedReference: Sendable {
    case remote(RemoteReference)
    case served(ServedReference)

    struct Identity: Hashable {
        let manager: String
        let object: UInt64
    }

    var identity: Identity {
        switch self {
        case .remote(let remote):
            Identity(manager: remote.client.identity.id, object: remote.object)
        case .served(let served):
            Identity(manager: served.server.identity.id, object: served.object.number)
        }
    }
}

/// A hold on an object in another process.
final class RemoteReference: Sendable {
    let client: ManagerClient
    let object: UInt64

    /// Takes over a hold that the manager has counted already.
    init(_ client: ManagerClient, _ object: UInt64) {
        self.client = client
        self.object = object
    }

    deinit { client.release(object) }
}

/// A hold on an object, for the process to which a reference is on its way.
final class CarriedReference: Sendable {
    private let client: ManagerClient
    private let object: UInt64

    /// Takes over a hold that the manager has counted already.
    init(_ client: ManagerClient, _ object: UInt64) {
        self.client = client
        self.object = object
    }

    // The receiver may have ended after sending a claim that the manager has not read yet.
    deinit { client.releaseLater(object) }
}

extension CodingUserInfoKey {
    /// The ``ManagerClient`` whose connection carries the value.
    static let managerClient = CodingUserInfoKey(rawValue: "plait.manager.client")!
    /// The ``ServerSession`` whose connection carries the value.
    static let managerSession = CodingUserInfoKey(rawValue: "plait.manager.session")!
}

/// A reference outside of its manager's connections.
struct ForeignReference: Codable {
    let manager: ManagerIdentity
    let address: SocketAddress
    let key: [UInt8]?
    let object: UInt64
    /// The ticket of the hold that waits for the receiver; 0 if the sender keeps a hold instead.
    let ticket: UInt64
}

extension Managed: Codable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch reference {
        case .remote(let remote):
            if encoder.userInfo[.managerClient] as? ManagerClient === remote.client {
                try container.encode(remote.object)
            } else {
                let loans = Loans.of(encoder.userInfo)
                try container.encode(try remote.client.lend(remote.object, in: loans))
            }
        case .served(let served):
            if let session = encoder.userInfo[.managerSession] as? ServerSession {
                try container.encode(session.hold(served.object))
            } else {
                let loans = Loans.of(encoder.userInfo)
                try container.encode(served.server.lend(served.object, in: loans))
            }
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let client = decoder.userInfo[.managerClient] as? ManagerClient,
            let object = try? container.decode(UInt64.self)
        {
            reference = .remote(RemoteReference(client, object))
        } else if let session = decoder.userInfo[.managerSession] as? ServerSession,
            let number = try? container.decode(UInt64.self)
        {
            let server = session.server
            reference = .served(ServedReference(try server.object(number), server))
        } else {
            reference = try ManagedReference.found(try container.decode(ForeignReference.self))
        }
    }
}

extension ManagedReference {
    fileprivate static func found(_ foreign: ForeignReference) throws -> ManagedReference {
        if let server = ManagerServer.current, server.identity.id == foreign.manager.id {
            return .served(
                ServedReference(try server.claim(foreign.object, foreign.ticket), server))
        }
        let client = try ManagerClients.shared.client(of: foreign)
        client.claim(foreign.object, foreign.ticket)
        return .remote(RemoteReference(client, foreign.object))
    }
}
