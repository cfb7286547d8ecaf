import Glibc
import PlaitPlatform
import PlaitSelectors
import SystemPackage
import TestSupport
import Testing

struct ReadinessSelectorTests {
    @Test(arguments: Backend.allCases)
    func `a socket is writable, and readable once its peer has sent`(_ backend: Backend) throws {
        // SE-008
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, [.readable, .writable], token: 7)
        #expect(try selector.ready() == [Report(7, .writable)])
        pair.send("x", from: pair.far)
        #expect(try selector.ready() == [Report(7, [.readable, .writable])])
        #expect(pair.receive(at: pair.near) == "x")
        #expect(try selector.ready() == [Report(7, .writable)])
    }

    @Test(arguments: Backend.allCases)
    func `only what was asked for is reported`(_ backend: Backend) throws {
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .readable)
        #expect(try selector.ready().isEmpty)
        pair.send("x", from: pair.far)
        #expect(try selector.ready() == [Report(1, .readable)])
    }

    @Test(arguments: Backend.allCases)
    func `a half-closed peer is a hang-up that leaves writing alone`(_ backend: Backend) throws {
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .readable)
        try Sockets.shutdown(pair.far, .writing)
        #expect(try selector.ready() == [Report(1, [.readable, .hangup])])
    }

    @Test(arguments: Backend.allCases)
    func `a closed peer is a hang-up of both directions`(_ backend: Backend) throws {
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .writable)
        pair.closeFar()
        #expect(try selector.ready() == [Report(1, [.readable, .writable, .hangup])])
    }

    @Test(arguments: Backend.allCases)
    func `a full socket is not writable until its peer has read`(_ backend: Backend) throws {
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .writable)
        pair.fill(from: pair.near)
        #expect(try selector.ready().isEmpty)
        pair.drain(at: pair.far)
        #expect(try selector.ready() == [Report(1, .writable)])
    }

    @Test(arguments: Backend.allCases)
    func `registering a descriptor twice is EEXIST and changes nothing`(_ backend: Backend) throws {
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .writable, token: 1)
        let error = #expect(throws: SystemError.self) {
            try selector.register(pair.near, .readable, token: 2)
        }
        #expect(error?.errno == .fileExists)
        #expect(try selector.ready() == [Report(1, .writable)])
    }

    @Test(arguments: Backend.allCases)
    func `modify changes interest and token`(_ backend: Backend) throws {
        // SE-004
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        pair.send("x", from: pair.far)
        try selector.register(pair.near, .readable, token: 1)
        try selector.modify(pair.near, interest: .writable, mode: .level, token: .max)
        #expect(try selector.ready() == [Report(.max, .writable)])
        try selector.modify(pair.near, interest: .readable, mode: .level, token: 0)
        #expect(try selector.ready() == [Report(0, .readable)])
    }

    @Test(arguments: Backend.allCases)
    func `an unknown descriptor cannot be modified or unregistered`(_ backend: Backend) throws {
        // SE-001, SE-004
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        let atModify = #expect(throws: SystemError.self) {
            try selector.modify(pair.near, interest: .readable, mode: .level, token: 1)
        }
        #expect(atModify?.errno == .noSuchFileOrDirectory)
        let atRemoval = #expect(throws: SystemError.self) { try selector.unregister(pair.near) }
        #expect(atRemoval?.errno == .noSuchFileOrDirectory)
    }

    @Test(arguments: Backend.allCases)
    func `an unregistered descriptor is not reported and may come back`(_ backend: Backend) throws {
        // SE-001
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .writable, token: 1)
        try selector.unregister(pair.near)
        #expect(try selector.ready().isEmpty)
        #expect(throws: SystemError.self) { try selector.unregister(pair.near) }
        try selector.register(pair.near, .writable, token: 2)
        #expect(try selector.ready() == [Report(2, .writable)])
    }

    @Test(arguments: Backend.allCases)
    func `after a close and unregister the number may be registered anew`(
        _ backend: Backend
    ) throws {
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        let number = pair.near
        try selector.register(number, .writable, token: 1)
        pair.closeNear()
        // epoll has dropped it by itself and says so; poll keeps its own list.
        try? selector.unregister(number)
        #expect(try selector.ready().isEmpty)
        let next = try SocketPair()
        defer { next.close() }
        try selector.register(next.near, .writable, token: 2)
        #expect(try selector.ready() == [Report(2, .writable)])
    }

    @Test(arguments: Backend.allCases)
    func `level-triggered, readiness is reported again and again`(_ backend: Backend) throws {
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, .readable)
        pair.send("xy", from: pair.far)
        for _ in 0..<3 { #expect(try selector.ready() == [Report(1, .readable)]) }
    }

    @Test(arguments: Backend.allCases)
    func `no interest reports nothing, not even a hang-up that nobody asked for`(
        _ backend: Backend
    ) throws {
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        try selector.register(pair.near, [])
        pair.send("x", from: pair.far)
        #expect(try selector.ready().isEmpty)
        try selector.modify(pair.near, interest: .readable, mode: .level, token: 1)
        #expect(try selector.ready() == [Report(1, .readable)])
    }

    @Test(arguments: Backend.allCases)
    func `a wait ends at its deadline and not before`(_ backend: Backend) throws {
        // SE-016
        let selector = try backend.make()
        let deadline = Deadline(within: .milliseconds(5))
        #expect(try selector.ready(until: deadline).isEmpty)
        #expect(Deadline.now >= deadline)
    }

    @Test(arguments: Backend.allCases)
    func `a wait without deadline ends when another thread writes`(
        _ backend: Backend
    ) async throws {
        // SE-022
        try await onThread {
            let selector = try backend.make()
            let pair = try SocketPair()
            defer { pair.close() }
            try selector.register(pair.near, .readable)
            let (far, near) = (pair.far, pair.near)
            try startThread(name: "writer") { SocketPair.send("x", on: far) }
            var reports: Set<Report> = []
            while reports.isEmpty { reports = try selector.ready(until: .never) }
            #expect(reports == [Report(1, .readable)])
            #expect(SocketPair.receive(on: near) == "x")
        }
    }

    @Test(arguments: Backend.allCases)
    func `every one of many descriptors is reported with its own token`(_ backend: Backend) throws {
        // SE-011
        let selector = try backend.make()
        let pairs = try (0..<12).map { _ in try SocketPair() }
        defer { for pair in pairs { pair.close() } }
        for (index, pair) in pairs.enumerated() {
            try selector.register(pair.near, .writable, token: UInt64(index))
            try selector.register(pair.far, .readable, token: UInt64(100 + index))
        }
        let writers = Set((0..<12).map { Report(UInt64($0), .writable) })
        #expect(try selector.ready() == writers)
        for (index, pair) in pairs.enumerated() {
            pair.send("\(index)", from: pair.near)
            try selector.unregister(pair.near)
        }
        let readers = try selector.ready()
        #expect(readers == Set((0..<12).map { Report(UInt64(100 + $0), .readable) }))
        for report in readers {
            let index = Int(report.token) - 100
            #expect(pairs[index].receive(at: pairs[index].far) == "\(index)")
            try selector.unregister(pairs[index].far)
        }
        #expect(try selector.ready().isEmpty)
    }

    @Test(arguments: Backend.allCases)
    func `a descriptor number above FD_SETSIZE works`(_ backend: Backend) throws {
        // SE-013
        DescriptorLimit.raise()
        let selector = try backend.make()
        let pair = try SocketPair()
        defer { pair.close() }
        let high = fcntl(pair.near, F_DUPFD_CLOEXEC, Int32(1_100))
        try #require(high >= 1_100)
        defer { closeDescriptor(high) }
        try selector.register(high, .readable, token: 3)
        pair.send("x", from: pair.far)
        #expect(try selector.ready() == [Report(3, .readable)])
    }

    @Test(arguments: Backend.allCases)
    func `a report may change the selector`(_ backend: Backend) throws {
        let selector = try backend.make()
        let one = try SocketPair()
        defer { one.close() }
        let other = try SocketPair()
        defer { other.close() }
        try selector.register(one.near, .writable, token: 1)
        try selector.register(other.near, .writable, token: 2)
        var reported: Set<UInt64> = []
        try selector.select(until: .immediate, now: .now) { token, _ in
            reported.insert(token)
            let number = token == 1 ? one.near : other.near
            try? selector.unregister(number)
            try? selector.register(number, .readable, token: token + 10)
        }
        #expect(reported == [1, 2])
        one.send("x", from: one.far)
        #expect(try selector.ready() == [Report(11, .readable)])
    }
}
