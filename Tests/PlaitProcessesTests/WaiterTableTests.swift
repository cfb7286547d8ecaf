import Glibc
import PlaitParking
import PlaitPlatform
@testable import PlaitProcesses
import PlaitStrands
import TestSupport
import Testing

/// Waiters whose processes have ended, or whose numbers other processes have.
@Suite(.timeLimit(.hang))
struct WaiterTableTests {
    private static func table() throws -> WaiterTable {
        WaiterTable(try SharedBlock("test", bytes: WaiterTable.size), at: 0)
    }

    @Test func `a process that has ended and was not reaped does not wait`() throws {
        var pid: pid_t = 0
        var arguments: [UnsafeMutablePointer<CChar>?] = unsafe [
            strdup("sleep"), strdup("1000"), nil,
        ]
        defer { unsafe arguments.forEach { unsafe free($0) } }
        try #require(unsafe posix_spawn(&pid, "/bin/sleep", nil, nil, &arguments, environ) == 0)
        let table = try Self.table()
        let start = ProcessMark(pid: pid, start: 0)
        #expect(start.isAlive)
        let mark = ProcessMark(pid: pid, start: try #require(ProcessMark.start(of: pid)))
        #expect(mark.isAlive)
        let place = try table.enter(mark)
        let mine = try table.enter()
        #expect(table.places(in: .waiting) == [place, mine])
        kill(pid, SIGKILL)
        var info = unsafe siginfo_t()
        let isThere = unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == 0
        #expect(isThere)
        #expect(!mark.isAlive)
        #expect(table.places(in: .waiting, atMost: 1) == [mine])
        #expect(waitpid(pid, nil, 0) == pid)
    }

    @Test func `a process that has the number of one that waited does not wait`() throws {
        let table = try Self.table()
        let other = ProcessMark(pid: 1, start: 12_345_678_901)
        _ = try table.enter(other)
        #expect(table.places(in: .waiting) == [])
    }

    @Test func `shared memory cannot be shrunk or grown`() throws {
        let block = try SharedBlock("test", bytes: 100)
        #expect(ftruncate(block.number, 0) == -1)
        #expect(ftruncate(block.number, 1_000) == -1)
    }

    @Test func `a count that somebody has scribbled over is no place`() throws {
        let block = try SharedBlock("test", bytes: WaiterTable.size)
        let table = WaiterTable(block, at: 0)
        for count in [Int.min, -1, .max] {
            unsafe block.base.storeBytes(of: count, toByteOffset: 8, as: Int.self)
            #expect(table.places(in: .waiting) == [])
        }
    }

    @Test func `a task waits for what a condition's lock guards`() async throws {
        let condition = try ProcessCondition()
        let value = Box(0)
        let task = Task {
            try await condition.withLock(when: { value.value == 2 }) { value.value + 1 }
        }
        for number in 1...2 {
            try await onThread {
                try condition.lock.withLock { _ in
                    value.update { $0 = number }
                    condition.notifyAll()
                }
            }
        }
        #expect(try await task.value == 3)
        await #expect(throws: TimedOut.self) {
            try await condition.withLock(when: { false }, within: .milliseconds(2)) {}
        }
        let cancelled = Task { try await condition.withLock(when: { false }) {} }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        try await onThread {
            try condition.lock.withLock { _ in #expect(condition.waitingCount == 0) }
        }
    }
}
