import CBenchSupport
import Foundation
import Glibc

/// A program that this one has started. It never signals other processes.
///
/// The kernel kills it when the runner ends, so that an interrupted run leaves nothing behind.
final class Child {
    /// The cores to which a child is pinned, one bit for each, so that programs do not compete with
    /// the load.
    enum Cores: UInt64 {
        case program = 0b01
        case load = 0b10
        /// For a program whose threads work with each other.
        case both = 0b11
    }

    enum Failure: Error {
        case notBuilt(String)
        case notStarted(String, errno: Int32)
        case noAnswer(within: Duration)
        case exited(status: Int32)
        case killed(signal: Int32)
        case closedItsOutput
        case stillRunning
        case unexpected(String)
        case requestsFailed(Int)
    }

    let id: pid_t
    private let input: Int32
    private let output: Int32
    private var unread: [UInt8] = []
    private var isReaped = false
    /// The status of `waitpid`; valid once the child is reaped.
    private var status: Int32 = 0

    init(_ path: String, _ arguments: [String], cores: Cores) throws {
        var copies = unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
        defer { unsafe copies.forEach { unsafe free($0) } }
        var input: Int32 = -1
        var output: Int32 = -1
        id = unsafe bench_spawn(&copies, cores.rawValue, &input, &output)
        guard id > 0 else { throw Failure.notStarted(path, errno: errno) }
        self.input = input
        self.output = output
    }

    deinit {
        stop()
        close(input)
        close(output)
    }

    /// Waits for the next line of the child's standard output, without its line feed.
    func readLine(within limit: Duration = .seconds(120)) throws -> String {
        let deadline = ContinuousClock.now + limit
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: unread[..<end], as: UTF8.self)
                unread.removeSubrange(...end)
                return line
            }
            let rest = ContinuousClock.now.duration(to: deadline)
            guard rest > .zero, waitForOutput(within: rest) else {
                throw Failure.noAnswer(within: limit)
            }
            guard readOutput() else {
                throw waitForEnd(within: .seconds(1)) ? howItEnded : .closedItsOutput
            }
        }
    }

    func readLine<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(readLine().utf8))
    }

    /// Waits until the child ends by itself, and throws unless it ended in good order.
    func finish(within limit: Duration = .seconds(10)) throws {
        guard waitForEnd(within: limit) else { throw Failure.stillRunning }
        guard status == 0 else { throw howItEnded }
    }

    /// Ends the child, first by SIGTERM. Does nothing once it has ended.
    func stop() {
        guard !isReaped else { return }
        kill(id, SIGTERM)
        if waitForEnd(within: .seconds(2)) { return }
        kill(id, SIGKILL)
        waitForEnd(within: .seconds(10))
    }

    private var howItEnded: Failure {
        let signal = status & 0x7f
        return signal == 0 ? .exited(status: status >> 8 & 0xff) : .killed(signal: signal)
    }

    private func waitForOutput(within limit: Duration) -> Bool {
        var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        let milliseconds = Int32(clamping: limit / .milliseconds(1) + 1)
        return unsafe poll(&descriptor, 1, milliseconds) > 0
    }

    /// False at the end of the output.
    private func readOutput() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = unsafe read(output, &chunk, chunk.count)
        guard count > 0 else { return false }
        unread += chunk[..<count]
        return true
    }

    // Once the child is reaped, its number may belong to another process, so nothing is sent to it
    // from then on.
    @discardableResult
    private func waitForEnd(within limit: Duration) -> Bool {
        let deadline = ContinuousClock.now + limit
        while !isReaped {
            var word: Int32 = 0
            if unsafe waitpid(id, &word, WNOHANG) == id {
                isReaped = true
                status = word
            } else if ContinuousClock.now > deadline {
                return false
            } else {
                usleep(2_000)
            }
        }
        return true
    }
}

extension Int32 {
    fileprivate init(clamping value: Double) {
        self = value < Double(Int32.max) ? Int32(value) : .max
    }
}
