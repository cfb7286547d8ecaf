internal import PlaitPlatform

/// The object of a manager that is there from the start, and makes the others.
final class ManagerRoot {
    static let number: UInt64 = 1
    private unowned let server: ManagerServer

    init(_ server: ManagerServer) { self.server = server }

    struct Identify: ManagedCall {
        func run(on root: ManagerRoot) -> ManagerIdentity { root.server.identity }
    }

    struct Make<Object: ManagedType>: ManagedCall {
        let input: Object.Input

        func run(on root: ManagerRoot) throws -> Managed<Object> {
            try Managed(sharing: Object(input))
        }
    }

    /// Finds the object of a name, or makes it.
    struct Named<Object: ManagedType>: ManagedCall {
        let name: String
        let input: Object.Input

        func run(on root: ManagerRoot) throws -> Managed<Object> {
            let objects = root.server.objects
            if let object = objects.named("=" + name) {
                guard object.target is Object else {
                    throw ManagerError.otherType(
                        expected: "\(Object.self)", found: "\(type(of: object.target))")
                }
                objects.retain(object)
                return Managed(.served(ServedReference(object, root.server)))
            }
            let object = objects.serve(try Object(input))
            objects.name(object, "=" + name)
            return Managed(.served(ServedReference(object, root.server)))
        }
    }

    struct Listen: ManagedCall {
        let address: SocketAddress
        let key: [UInt8]?

        func run(on root: ManagerRoot) throws -> SocketAddress {
            try root.server.listen(on: address, key: key)
        }
    }

    struct ShutDown: ManagedCall {
        func run(on root: ManagerRoot) -> Bool {
            root.server.stop()
            return true
        }
    }

    struct Count: ManagedCall {
        func run(on root: ManagerRoot) -> Manager.Statistics {
            Manager.Statistics(
                objects: root.server.objects.count - 1, connections: root.server.sessionCount,
                waiting: root.server.waitingCount)
        }
    }
}
