import Glibc
import PlaitPlatform
import PlaitSelectors
import TestSupport
import Testing

struct PollSelectorTests {
    @Test func `a regular file is always ready`() throws {
        // SE-019
        let selector = PollSelector()
        let file = Descriptor(owning: unsafe open("/proc/self/exe", O_RDONLY | O_CLOEXEC))
        try selector.register(file.number, [.readable, .writable])
        #expect(try selector.ready() == [Report(1, [.readable, .writable])])
    }

    @Test func `a descriptor that is closed is reported as a hang-up`() throws {
        // SE-019
        let selector = PollSelector()
        try selector.register(900_000, .readable, token: 5)
        #expect(try selector.ready() == [Report(5, [.readable, .writable, .hangup])])
        try selector.unregister(900_000)
        #expect(try selector.ready().isEmpty)
    }

    @Test func `removing one descriptor keeps the others' tokens`() throws {
        let selector = PollSelector()
        let pairs = try (0..<4).map { _ in try SocketPair() }
        defer { for pair in pairs { pair.close() } }
        for (index, pair) in pairs.enumerated() {
            try selector.register(pair.near, .writable, token: UInt64(index))
        }
        // The first, whose place the last one takes; then that one; then the last of the table.
        for (removed, left) in [(0, [1, 2, 3]), (3, [1, 2]), (2, [1])] {
            try selector.unregister(pairs[removed].near)
            #expect(
                try selector.ready() == Set(left.map { Report(UInt64($0), .writable) }))
        }
    }

    @Test func `edges are refused`() async {
        await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try PollSelector().register(0, .readable, mode: .edge)
        }
    }
}
