internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync

/// The managers to which this process is connected, with one connection each.
final class ManagerClients: Sendable {
    static let shared = ManagerClients()

    private struct Entry {
        weak var client: ManagerClient?
        let generation: UInt64
    }

    private let all = Guarded<[String: Entry]>([:])

    private func known(_ id: String) -> ManagerClient? {
        all.withLock { all in
            guard let entry = all[id], entry.generation == ForkedChild.generation,
                let client = entry.client, client.isUsable
            else { return nil }
            return client
        }
    }

    /// The client for a reference that has come from another process.
    func client(of foreign: ForeignReference) throws -> ManagerClient {
        if let client = known(foreign.manager.id) { return client }
        guard let key = foreign.key else {
            throw ManagerError.notConnected(foreign.address)
        }
        do {
            return try connect(to: foreign.address, key: key, within: nil)
        } catch let error as AuthenticationError {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw ManagerDied(name: foreign.manager.name, pid: foreign.manager.pid, crash: nil)
        }
    }

    /// Connects to a manager, or finds the existing connection.
    func connect(
        to address: SocketAddress, key: [UInt8]?, within limit: Duration?,
        process: ProcessHandle<Nothing>? = nil
    ) throws -> ManagerClient {
        let deadline = Deadline(within: limit)
        let connection = try Connection.connect(to: address, key: key, within: limit)
        let socket = try connection.takeSocket()
        let client = ManagerClient(
            ManagerIdentity(id: "", name: "\(address)", pid: 0, limits: ManagerLimits()), socket,
            address: address, key: key,
            process: process)
        try client.identify(until: deadline)
        return all.withLock { all in
            let id = client.identity.id
            if let entry = all[id], entry.generation == ForkedChild.generation,
                let other = entry.client, other.isUsable
            {
                return other
            }
            all = all.filter { $0.value.client != nil }
            all[id] = Entry(client: client, generation: ForkedChild.generation)
            return client
        }
    }
}
