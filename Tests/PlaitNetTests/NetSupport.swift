import PlaitNet
import PlaitParking
import PlaitStrands
import TestSupport

/// A listener on a free port, and a connected pair through it: `near` connected, `far` accepted.
func connectedPair() throws -> (near: StreamSocket, far: StreamSocket) {
    let listener = try StreamListener(host: "127.0.0.1", port: 0)
    defer { listener.close() }
    let near = try StreamSocket.connect(to: listener.address)
    return (near, try listener.accept())
}

/// Bytes that tell their place.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}

/// Serves with `handler` on a thread of its own while `body` runs; then closes and waits.
func serving(
    _ listener: StreamListener, kind: StrandKind = .fiber,
    _ handler: @escaping @Sendable (StreamSocket) throws -> Void,
    while body: () throws -> Void
) throws {
    let server = spawn(.thread, name: "server") { try listener.serve(kind: kind, handler) }
    defer { listener.close() }
    try body()
    listener.close()
    try server.join()
}

/// Gives back what comes.
@Sendable
func echo(_ connection: StreamSocket) throws {
    while try connection.readChunk({ try connection.write($0) }) {}
}

extension Array<UInt8> {
    /// A copy of a lent span.
    init(_ span: RawSpan) {
        self = (0..<span.byteCount).map {
            unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self)
        }
    }
}
