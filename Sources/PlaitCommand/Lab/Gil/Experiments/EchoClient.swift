internal import Plait
internal import PlaitMachine

/// The messages of a lab program on a socket, one line each. They end when the client has gone or
/// left an echo unread.
struct SocketConnection: ProgramConnection {
    let socket: StreamSocket

    func receive() throws -> String {
        do { return try socket.readLine() ?? "" } catch is SystemError { return "" }
    }

    func send(_ text: String) throws {
        do { try socket.write(text + "\n") } catch is SystemError {}
    }
}

/// A client that sends a message, waits for its echo, rests a little, and sends the next.
struct EchoClient {
    /// The rest between two messages. Without it, the echo thread would come back before a thread
    /// that was woken for the lock could run, and so keep the lock all the time.
    static let rest = Duration.microseconds(200)

    struct Trips: Sendable {
        var histogram = LatencyHistogram()
        var longest: UInt64 = 0
        var seconds = 0.0
    }

    private let socket: StreamSocket

    init(_ socket: StreamSocket) { self.socket = socket }

    /// Blocks the calling thread for `seconds`, and gives up an echo that has not come back by
    /// then.
    func run(for seconds: Double) throws -> Trips {
        var trips = Trips()
        let start = monotonicNow()
        let end = Deadline(nanoseconds: start + UInt64(seconds * 1e9))
        while let remaining = end.remaining, remaining > .zero {
            let begun = monotonicNow()
            try socket.write("ping\n")
            do {
                guard try socket.readLine(within: remaining) == "ping" else {
                    throw CommandFailure("the echo is not what was sent")
                }
                trips.histogram.note(monotonicNow() - begun)
            } catch is TimedOut {}
            trips.longest = max(trips.longest, monotonicNow() - begun)
            try Strand.sleep(for: EchoClient.rest)
        }
        trips.seconds = Double(monotonicNow() - start) / 1e9
        return trips
    }
}
