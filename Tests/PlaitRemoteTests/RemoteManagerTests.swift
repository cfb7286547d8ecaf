import Foundation
import PlaitParking
import PlaitPlatform
import PlaitProcesses
@testable import PlaitRemote
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct RemoteManagerTests {
    // MP-078
    @Test(arguments: Place.allCases)
    func `another program connects by address and key, and shares a queue`(
        _ place: Place
    ) async throws {
        try await withTestManager { manager in
            let address = try manager.listen(on: place.address(), key: key)
            let jobs: ManagedQueue<[String: Int]> = try manager.queue(named: "jobs", capacity: 8)
            let other = try spawn(
                .process, Connect.self, Connect.Input(address: address, key: key))
            #expect(try jobs.get() == ["pid": Int(other.pid)])
            #expect(try other.join() == "tested 7")
            // What its connection held is gone with it.
            while try manager.statistics().connections > 1 { Strand.yield() }
            #expect(try manager.statistics().objects == 1)
        }
    }

    // MP-078
    @Test func `a second manager object in a process uses the same connection`() async throws {
        try await withTestManager { manager in
            let address = try manager.listen(on: Place.ipv4.address(), key: key)
            let second = try Manager.connect(to: address, key: key)
            #expect(second.client === manager.client)
            let list = try second.list(named: "list", [1])
            #expect(try manager.list(named: "list", [2]) == list)
        }
    }

    // MP-078
    @Test func `an item that cannot be encoded is refused`() async throws {
        try await withTestManager { manager in
            let queue: ManagedQueue<Stubborn> = try manager.queue(capacity: 2)
            #expect(throws: EncodingError.self) { try queue.put(Stubborn(true)) }
            #expect(try queue.count() == 0)
            try queue.put(Stubborn(false))
            #expect(try queue.get().isStubborn == false)
        }
    }

    // MP-078, MP-108
    @Test(arguments: Place.allCases)
    func `a program with another key is refused`(_ place: Place) async throws {
        try await withTestManager { manager in
            let address = try manager.listen(on: place.address(), key: key)
            let other = try spawn(
                .process, Connect.self, Connect.Input(address: address, key: key + [1]))
            let error = #expect(throws: RemoteError.self) { try other.join() }
            #expect(error?.type == "AuthenticationError")
            #expect(throws: AuthenticationError.self) {
                try Manager.connect(to: address, key: key + [1])
            }
            #expect(throws: AuthenticationError.self) {
                try Manager.connect(to: manager.address, key: key)
            }
        }
    }

    @Test func `private types are for the manager's own program alone`() async throws {
        try await withTestManager { manager in
            let address = try manager.listen(on: Place.ipv6.address(), key: key)
            let input = Connect.Input(address: address, key: key)
            let others = [
                try spawn(.process, ConnectHidden.self, input),
                try spawn(.process, ConnectSecret.self, input),
            ]
            for other in others {
                let error = #expect(throws: ManagerError.self) { try other.join() }
                guard case .unknownCall = error else {
                    Issue.record("\(String(describing: error))")
                    return
                }
            }
        }
    }

    @Test func `a file that a manager listens on goes with it`() async throws {
        let path = try await withTestManager { manager in
            let address = try manager.listen(on: Place.path.address(), key: key)
            #expect(FileManager.default.fileExists(atPath: address.host))
            return address.host
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `an address that is taken is an error of the call`() async throws {
        try await withTestManager { manager in
            let address = try manager.listen(on: Place.ipv4.address(), key: key)
            let error = #expect(throws: RemoteError.self) {
                try manager.listen(on: address, key: key)
            }
            #expect(error?.type == "SystemError")
            #expect(error?.message.contains("\(address)") == true)
        }
    }

    @Test func `a stranger that sends nonsense harms nobody`() async throws {
        try await withTestManager { manager in
            let address = try manager.listen(on: Place.ipv4.address(), key: key)
            let list = try manager.list([1])
            for bytes in [[UInt8](repeating: 0xFF, count: 100), [0, 0, 0, 0], [9]] {
                // With the key, and without.
                for key in [key, nil] {
                    let connection = try Connection.connect(to: address, key: key)
                    try connection.send(bytes)
                    connection.close()
                }
            }
            let half = try Connection.connect(to: address, key: key)
            try half.takeSocket().withNumber { number in
                let frame: [UInt8] = [200, 0, 0, 0, 1, 2, 3]
                _ = unsafe frame.withUnsafeBytes { unsafe Sockets.send(number, $0) }
            }
            #expect(try list.all() == [1])
        }
    }
}
