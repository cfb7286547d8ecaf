internal import Plait

/// Many clients of an echo server, each a fiber on this thread's hub.
///
/// They connect, a few hundred at a time, and each gets one message back. When all have connected
/// or failed, they exchange messages for a time, one after another without a pause, and check every
/// byte. Then they hold their connections until standard input ends, so that the lab can measure
/// the server.
final class ClientLoad {
    struct Plan {
        var target: SocketAddress
        var clients: Int
        var seconds: Double
        /// The size of the largest message in bytes.
        var largest: Int
        var seed: UInt64
    }

    private let plan: Plan
    private let messages: Messages
    private let tell: (ClientProgress) -> Void
    /// The addresses from which clients connect, in turn. One address has fewer than 65,536 ports.
    private let sources: [SocketAddress]

    private let connecting = CountingSemaphore(permits: 256)
    /// Set when every client has connected or failed.
    private let settled = Event()
    private let started = Event()
    /// Set when no client exchanges messages any more.
    private let exchanged = Event()
    private let released = Event()
    private let gone = Event()

    private var connectedCount = 0
    private var unsettledCount: Int
    private var exchangingCount = 0
    private var aliveCount: Int
    private var isStopping = false
    /// When the exchange began, in nanoseconds of the monotonic clock.
    private var start: UInt64 = 0
    private var end: UInt64 = .max
    private var histogram = LatencyHistogram()
    private var report = ClientReport(held: 0, errors: 0, messages: 0, seconds: 0)

    /// How long a server may take for one step before the client gives up.
    private static let patience = Duration.seconds(20)
    private static let clientsPerSource = 4_000

    init(_ plan: Plan, tell: @escaping (ClientProgress) -> Void) {
        self.plan = plan
        self.tell = tell
        messages = Messages(seed: plan.seed, largest: plan.largest)
        let count = 1 + plan.clients / ClientLoad.clientsPerSource
        sources = (0..<count).compactMap {
            SocketAddress(ip: "127.0.\($0 / 250).\(1 + $0 % 250)", port: 0)
        }
        unsettledCount = plan.clients
        aliveCount = plan.clients
    }

    /// Ends the exchange now. Clients that have not connected yet will not connect.
    func stop() {
        isStopping = true
        end = 0
    }

    func run() throws -> ClientReport {
        for number in 0..<plan.clients {
            spawn(.fiber) { self.live(number) }
        }
        spawn(.fiber, isDaemon: true) { try self.tellProgress() }
        try settled.wait()
        exchangingCount = connectedCount
        start = monotonicNow()
        if !isStopping { end = start + UInt64(plan.seconds * 1e9) }
        started.set()
        if exchangingCount == 0 { exchanged.set() }
        try exchanged.wait()
        report.seconds = Double(monotonicNow() - start) / 1e9
        tell(.exchanged)
        // This fails for descriptors that epoll does not take, such as a file, which has no end to
        // wait for.
        _ = try? Strand.waitReadable(0, until: .never)
        released.set()
        try gone.wait()
        return finished()
    }

    private func finished() -> ClientReport {
        func microseconds(_ share: Double) -> Double? {
            histogram.quantile(share).map { Double($0) / 1_000 }
        }
        report.messages = histogram.total
        report.p50Microseconds = microseconds(0.5)
        report.p99Microseconds = microseconds(0.99)
        report.p999Microseconds = microseconds(0.999)
        return report
    }

    private func tellProgress() throws {
        while true {
            try Strand.sleep(for: .milliseconds(100))
            // A sleep that is over cannot be cancelled any more.
            if exchanged.isSet { return }
            tell(
                start == 0
                    ? .connected(connectedCount)
                    : .exchanging(Int((monotonicNow() - start) / 1_000_000)))
        }
    }

    // MARK: One client

    private func live(_ number: Int) {
        defer {
            aliveCount -= 1
            if aliveCount == 0 { gone.set() }
        }
        do {
            var random = SeededRandom(plan.seed &+ UInt64(number) &+ 1)
            guard let connection = try settle({ try connect(number, &random) }) else { return }
            defer { connection.close() }
            try started.wait()
            try exchangeUntilEnd(connection, &random)
            report.held += 1
            try released.wait()
        } catch {
            report.errors += 1
            if report.firstError == nil { report.firstError = "client \(number): \(error)" }
        }
    }

    /// Makes the connection and notes whether that succeeded; nil when nobody wants it any more.
    private func settle(_ connect: () throws -> StreamSocket?) throws -> StreamSocket? {
        defer {
            unsettledCount -= 1
            if unsettledCount == 0 { settled.set() }
        }
        let connection = try connect()
        if connection != nil { connectedCount += 1 }
        return connection
    }

    private func connect(_ number: Int, _ random: inout SeededRandom) throws -> StreamSocket? {
        try connecting.acquire()
        defer { connecting.release() }
        if isStopping { return nil }
        let connection = try StreamSocket.connect(
            to: plan.target, from: sources[number % sources.count], within: ClientLoad.patience)
        do {
            // Otherwise the connection might only be in the server's backlog.
            try exchange(connection, &random)
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    private func exchangeUntilEnd(
        _ connection: StreamSocket, _ random: inout SeededRandom
    ) throws {
        defer {
            exchangingCount -= 1
            if exchangingCount == 0 { exchanged.set() }
        }
        var now = monotonicNow()
        while now < end {
            let begun = now
            try exchange(connection, &random)
            now = monotonicNow()
            histogram.note(now - begun)
        }
    }

    /// Sends a message and receives its echo.
    private func exchange(_ connection: StreamSocket, _ random: inout SeededRandom) throws {
        let message = messages.next(&random)
        try messages.withMessage(message) {
            try connection.write($0, within: ClientLoad.patience)
        }
        var position = message.lowerBound
        while position < message.upperBound {
            let isOpen = try connection.readChunk(within: ClientLoad.patience) { bytes in
                guard position + bytes.byteCount <= message.upperBound,
                    messages.match(bytes, at: position)
                else { throw CommandFailure("the echo is not what was sent") }
                position += bytes.byteCount
            }
            if !isOpen { throw CommandFailure("the server ended the connection") }
        }
    }
}
