internal import PlaitPlatform
internal import PlaitProcesses

/// The object that a manager has from the start, and that makes the others.
final class ManagerRoot {
    static let number: UInt64 = 1
    private unowned let server: ManagerServer

    init(_ server: ManagerServer) { self.server = server }

    struct Identify: ManagedCall {
        func run(on root: ManagerRoot) -> ManagerIdentity { root.server.identity }
    }

    /// Makes an object, or finds the object with a name. The object's type travels as a name and is
    /// not part of the call's type, since a type that is generic over a private type could not be
    /// found.
    struct Make: CallerCall {
        let type: TypeName
        let name: String?
        let input: [UInt8]

        init<Object: ManagedType>(
            _ type: Object.Type, _ name: String?, _ input: Object.Input, _ client: ManagerClient
        ) throws {
            guard let known = TypeName(type) else { throw ManagerError.unreachable("\(type)") }
            self.type = known
            self.name = name
            self.input = try MessagePackEncoder().encode(input, in: client.context)
        }

        func run(on root: ManagerRoot, for caller: ManagedCaller) throws -> Managed<AnyObject> {
            let session = root.server.session(caller.session)
            guard session?.knows(type) ?? true, let type = type.resolve() as? any ManagedType.Type
            else { throw ManagerError.unknownCall("\(self.type)") }
            return try make(type, root.server, session?.context)
        }

        private func make<Object: ManagedType>(
            _ type: Object.Type, _ server: ManagerServer, _ context: CodingContext?
        ) throws -> Managed<AnyObject> {
            if let name, let object = server.objects.named("=" + name) {
                guard object.target is Object else {
                    throw ManagerError.otherType(
                        expected: "\(type)", found: "\(Swift.type(of: object.target))")
                }
                server.objects.retain(object)
                return Managed(.served(ServedReference(object, server)))
            }
            let decoder = MessagePackDecoder(depth: server.identity.limits.depth)
            let input = try decoder.decode(Object.Input.self, from: input, in: context)
            let object = server.objects.serve(try Object(input))
            if let name { server.objects.name(object, "=" + name) }
            return Managed(.served(ServedReference(object, server)))
        }
    }

    /// Runs the initializer function before anybody else makes a call.
    struct Initialize: CallerCall {
        let function: TypeName
        let input: [UInt8]
        static var mayWait: Bool { true }

        init<Function: ProcessFunction>(
            _ function: Function.Type, _ input: Function.Input, _ client: ManagerClient
        ) throws {
            guard let name = TypeName(function) else {
                throw ManagerError.unreachable("\(function)")
            }
            self.function = name
            self.input = try MessagePackEncoder().encode(input, in: client.context)
        }

        func run(on root: ManagerRoot, for caller: ManagedCaller) throws -> Nothing {
            // The program that started the manager is the first to connect.
            guard caller.session == 1,
                let function = function.resolve() as? any ProcessFunction.Type
            else { throw ManagerError.unknownCall("\(function)") }
            try run(function, root.server, root.server.session(caller.session)?.context)
            return Nothing()
        }

        private func run<Function: ProcessFunction>(
            _ function: Function.Type, _ server: ManagerServer, _ context: CodingContext?
        ) throws {
            let decoder = MessagePackDecoder(depth: server.identity.limits.depth)
            _ = try function.run(
                try decoder.decode(Function.Input.self, from: input, in: context))
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
            root.server.objects.sweep()
            return Manager.Statistics(
                objects: root.server.objects.count - 1, connections: root.server.sessionCount,
                waiting: root.server.waitingCount)
        }
    }
}
