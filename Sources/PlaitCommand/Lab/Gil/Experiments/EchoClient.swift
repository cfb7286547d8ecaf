internal import Plait
internal import PlaitMachine

/// Messages of a lab program on a socket, a line each. A client that has gone, or left an echo
/// unread, is the end of them.
struct SocketConnection: ProgramConnection {
    let socket: StreamSocket

    func receive() throws -> String {
        do { return try socket.readLine() ?? "" } catch is SystemError { return "" }
    }

    func send(_ text: String) throws {
        do { try socket.write(text + "\n") } catch is SystemError {}
    }
}

/// Who sends a message, waits for its echo, rests a little, and sends the next.
struct EchoClient {
    /// Between two messages. Without it, the echo thread would be back before a thread that was
    /// woken for the lock could run, and keep the lock all the time.
    static let rest = Duration.microseconds(200)

    struct Trips: Sendable {
        var histogram = LatencyHistogram()
        var longest: UInt64 = 0
        var seconds = 0.0
    }

    private let socket: StreamSocket

    init(_ socket: StreamSocket) { self.socket = socket }

    /// Blocks the calling thread for `seconds`; what has not come back by then is given up.
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
