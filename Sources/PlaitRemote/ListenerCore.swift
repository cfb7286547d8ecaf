internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

/// The state that a ``ConnectionListener`` and its fibers share.
final class ListenerCore: Sendable {
    let socket: ListeningSocket
    /// Connections that nobody has accepted yet, and errors that the next accept throws.
    let ready: Queue<Result<Connection, any Error>>
    private let key: [UInt8]?
    private let handshakeLimit: Duration
    private let tellsRefusals: Bool
    /// How many handshakes may run at the same time.
    private let handshakes = CountingSemaphore(permits: 1_024)
    private let refused = Guarded((count: 0, last: AuthenticationError?.none))
    private let failure = Guarded<(any Error)?>(nil)

    /// The thread on which all listeners take connections.
    private static let hub = OnceValue { try Hub.start(name: "plait-listeners") }

    init(
        _ socket: ListeningSocket, key: [UInt8]?, backlog: Int, handshakeLimit: Duration,
        tellsRefusals: Bool
    ) {
        self.socket = socket
        self.key = key
        self.handshakeLimit = handshakeLimit
        self.tellsRefusals = tellsRefusals
        ready = Queue(capacity: max(1, backlog))
    }

    var refusals: (count: Int, last: AuthenticationError?) { refused.withLock { $0 } }

    func start() throws {
        let hub = try ListenerCore.hub.get().hub
        spawn(.fiber, on: hub, name: "listen on \(socket.address)", isDaemon: true) {
            do {
                while true { try self.takeOne() }
            } catch is DescriptorClosed {
                // The listener was closed.
            } catch {
                self.failure.withLock { $0 = error }
                self.close()
            }
        }
    }

    private func takeOne() throws {
        try handshakes.acquire()
        do {
            guard let number = try socket.accept() else { return handshakes.release() }
            let address = socket.address
            let isUnix = address.family == .unix
            if !isUnix { try? Sockets.set(.noDelay, of: number, to: true) }
            let connection = Connection(
                PolledDescriptor(owning: number), passesDescriptors: isUnix)
            let peer = isUnix ? address : (try? Sockets.peerAddress(number)) ?? address
            // If the end of the program cancels the fiber, it drops the connection.
            spawn(.fiber, name: "handshake with \(peer)", isDaemon: true) {
                defer { self.handshakes.release() }
                self.authenticate(connection, from: peer)
            }
        } catch let error as SystemError where error.isOfConnection {
            handshakes.release()
            // The system is out of a resource, or the connection is gone already. The next one may
            // succeed.
            try Strand.sleep(for: .milliseconds(100))
        }
    }

    private func authenticate(_ connection: Connection, from peer: SocketAddress) {
        do {
            if let key {
                try Handshake.receive(
                    connection, from: peer, key: key, until: Deadline(within: handshakeLimit),
                    onRefusal: note)
            }
            try ready.put(.success(connection))
        } catch let error as AuthenticationError {
            if tellsRefusals { try? ready.put(.failure(error)) }
        } catch {
            // The listener was closed or the fiber cancelled, so drop the connection.
        }
    }

    private func note(_ error: AuthenticationError) {
        refused.withLock { $0 = ($0.count + 1, error) }
    }

    func close() {
        if !socket.isClosed { socket.removeFile() }
        socket.close()
        ready.shutDown(immediately: true)
    }

    /// The error that a caller gets for an error of ``ready``.
    func meaning(of error: any Error) -> any Error {
        switch error {
        case is QueueError: failure.withLock { $0 } ?? ConnectionError.closed
        case is TimedOut: TimedOut("accept on \(socket.address)")
        default: error
        }
    }
}

extension SystemError {
    /// Whether the error concerns one connection or will pass, so that the listener goes on.
    fileprivate var isOfConnection: Bool {
        [
            .tooManyOpenFiles, .tooManyOpenFilesInSystem, .noMemory, .noBufferSpace,
            .connectionAbort, .connectionReset, .notPermitted,
        ].contains(errno)
    }
}
