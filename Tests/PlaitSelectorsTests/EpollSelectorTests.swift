import Glibc
import PlaitPlatform
import PlaitSelectors
import SystemPackage
import TestSupport
import Testing

struct EpollSelectorTests {
    @Test func `edge-triggered, readiness is reported once for what arrives`() throws {
        let selector = try EpollSelector()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .readable, mode: .edge)
        pair.send("x", from: pair.far)
        #expect(try selector.ready() == [Report(1, .readable)])
        #expect(try selector.ready().isEmpty)
        pair.send("y", from: pair.far)
        #expect(try selector.ready() == [Report(1, .readable)])
        #expect(pair.receive(at: pair.near) == "xy")
    }

    @Test func `modify reports an edge again for what is ready still`() throws {
        let selector = try EpollSelector()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .readable, mode: .edge)
        pair.send("x", from: pair.far)
        #expect(try selector.ready() == [Report(1, .readable)])
        try selector.modify(
            pair.near, interest: [.readable, .writable], mode: .edge, token: 1)
        #expect(try selector.ready() == [Report(1, [.readable, .writable])])
    }

    @Test func `a regular file is refused with EPERM and not kept`() throws {
        // SE-014
        let selector = try EpollSelector()
        let file = Descriptor(owning: unsafe open("/proc/self/exe", O_RDONLY | O_CLOEXEC))
        let error = #expect(throws: SystemError.self) {
            try selector.register(file.number, .readable)
        }
        #expect(error?.errno == .notPermitted)
        #expect(error?.call == "epoll_ctl")
        #expect(throws: SystemError.self) { try selector.unregister(file.number) }
    }

    @Test func `a closed descriptor is refused with EBADF`() throws {
        // SE-027
        let selector = try EpollSelector()
        // Far above what this process has open, so that no other test opens it meanwhile.
        let closed: Int32 = 900_000
        let atRegister = #expect(throws: SystemError.self) {
            try selector.register(closed, .readable)
        }
        #expect(atRegister?.errno == .badFileDescriptor)
        let atRemoval = #expect(throws: SystemError.self) { try selector.unregister(closed) }
        #expect(atRemoval?.errno == .badFileDescriptor)
    }

    @Test func `more descriptors than one batch takes come in later calls`() throws {
        let selector = try EpollSelector(batch: 4)
        let pairs = try (0..<10).map { _ in try SocketPair() }
        defer { for pair in pairs { pair.close() } }
        for (index, pair) in pairs.enumerated() {
            try selector.register(pair.near, .writable, token: UInt64(index), mode: .edge)
        }
        let rounds = try (0..<4).map { _ in try selector.ready() }
        #expect(rounds.map(\.count) == [4, 4, 2, 0])
        #expect(Set(rounds.joined().map(\.token)) == Set(0..<10))
    }

    @Test func `its descriptor is closed on exec`() throws {
        // SE-029
        let selector = try EpollSelector(batch: 1)
        #expect(fcntl(selector.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    }
}
