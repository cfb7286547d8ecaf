import Glibc
import PlaitLoop
import PlaitParking
import PlaitPlatform
import PlaitSelectors
import PlaitStrands
import SystemPackage
import TestSupport
import Testing

/// Registrations, waited for by the fibers of a hub.
struct RegistrationTests {
    enum Backend: CaseIterable, Sendable {
        case epoll, poll

        func make() throws -> any ReadinessSelector {
            switch self {
            case .epoll: try EpollSelector()
            case .poll: PollSelector()
            }
        }
    }

    /// Runs `body` on a new thread whose hub stands on `backend`.
    private func onHub(
        _ backend: Backend, _ body: @escaping @Sendable (Loop) throws -> Void
    ) async throws {
        try await onThread { try body(Hub.make(selector: backend.make()).loop) }
    }

    @Test(arguments: Backend.allCases)
    func `a reader waits until something has arrived`(_ backend: Backend) async throws {
        try await onHub(backend) { loop in
            let pair = try SocketPair()
            defer { pair.close() }
            let registration = try loop.register(pair.near)
            registration.isDrained()
            let reader = spawn(.fiber) {
                try registration.wait(for: .readable, until: .never)
            }
            Strand.yield()
            #expect(reader.strand.currentWait?.verb == "descriptor.read")
            pair.send("x", from: pair.far)
            #expect(try reader.join())
            #expect(registration.mayBe(.readable))
            #expect(pair.receive(at: pair.near) == "x")
            loop.unregister(registration, willClose: false)
        }
    }

    @Test(arguments: Backend.allCases)
    func `readers and writers of one descriptor do not wake each other`(
        _ backend: Backend
    ) async throws {
        try await onHub(backend) { loop in
            let pair = try SocketPair()
            defer { pair.close() }
            let registration = try loop.register(pair.near)
            pair.fill(from: pair.near)
            registration.isDrained()
            registration.isFilled()
            let reader = spawn(.fiber) { try registration.wait(for: .readable, until: .never) }
            let writer = spawn(.fiber) { try registration.wait(for: .writable, until: .never) }
            Strand.yield()
            pair.drain(at: pair.far)
            #expect(try writer.join())
            #expect(reader.isAlive)
            #expect(!registration.mayBe(.readable))
            pair.send("x", from: pair.far)
            #expect(try reader.join())
            loop.unregister(registration, willClose: false)
        }
    }

    @Test(arguments: Backend.allCases)
    func `all readers of a descriptor are woken, in the order of their waits`(
        _ backend: Backend
    ) async throws {
        try await onHub(backend) { loop in
            let pair = try SocketPair()
            defer { pair.close() }
            let registration = try loop.register(pair.near)
            registration.isDrained()
            let order = Confined<[Int]>([])
            let readers = (0..<5).map { number in
                spawn(.fiber) {
                    _ = try registration.wait(for: .readable, until: .never)
                    order.value.append(number)
                }
            }
            Strand.yield()
            pair.send("x", from: pair.far)
            for reader in readers { try reader.join() }
            #expect(order.value == Array(0..<5))
            loop.unregister(registration, willClose: false)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a wait ends at its deadline, and the next one starts afresh`(
        _ backend: Backend
    ) async throws {
        try await onHub(backend) { loop in
            let pair = try SocketPair()
            defer { pair.close() }
            let registration = try loop.register(pair.near)
            registration.isDrained()
            let isReady = try spawn(.fiber) {
                try registration.wait(for: .readable, until: Deadline(within: .milliseconds(2)))
            }.join()
            #expect(!isReady)
            #expect(
                try !spawn(.fiber) {
                    try registration.wait(for: .readable, until: .immediate)
                }.join())
            let reader = spawn(.fiber) { try registration.wait(for: .readable, until: .never) }
            Strand.yield()
            pair.send("x", from: pair.far)
            #expect(try reader.join())
            loop.unregister(registration, willClose: false)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a cancelled reader leaves the others waiting`(_ backend: Backend) async throws {
        try await onHub(backend) { loop in
            let pair = try SocketPair()
            defer { pair.close() }
            let registration = try loop.register(pair.near)
            registration.isDrained()
            let readers = (0..<2).map { _ in
                spawn(.fiber) { try registration.wait(for: .readable, until: .never) }
            }
            Strand.yield()
            readers[0].cancel()
            #expect(throws: CancellationError.self) { try readers[0].join() }
            #expect(readers[1].isAlive)
            pair.send("x", from: pair.far)
            #expect(try readers[1].join())
            loop.unregister(registration, willClose: false)
        }
    }

    @Test(arguments: Backend.allCases)
    func `unregistering wakes who waits, and they find it closed`(_ backend: Backend) async throws {
        try await onHub(backend) { loop in
            let pair = try SocketPair()
            defer { pair.close() }
            let registration = try loop.register(pair.near)
            registration.isDrained()
            registration.isFilled()
            let reader = spawn(.fiber) { try registration.wait(for: .readable, until: .never) }
            let writer = spawn(.fiber) { try registration.wait(for: .writable, until: .never) }
            Strand.yield()
            #expect(loop.registrationCount == 1)
            loop.unregister(registration, willClose: true)
            #expect(loop.registrationCount == 0)
            #expect(registration.isClosed)
            #expect(try reader.join() && writer.join())
            // Again, and after the close: nothing happens.
            pair.closeNear()
            loop.unregister(registration, willClose: false)
            #expect(loop.registrationCount == 0)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a descriptor is unregistered after its close, and its number registered anew`(
        _ backend: Backend
    ) async throws {
        // SE-002, SE-003
        try await onHub(backend) { loop in
            let first = try SocketPair()
            defer { first.close() }
            let second = try SocketPair()
            defer { second.close() }
            let old = try loop.register(first.near)
            // Closes the one and gives its number to the other, in one step.
            #expect(dup2(second.near, first.near) == first.near)
            loop.unregister(old, willClose: false)
            let new = try loop.register(first.near)
            new.isDrained()
            let reader = spawn(.fiber) { try new.wait(for: .readable, until: .never) }
            Strand.yield()
            second.send("x", from: second.far)
            #expect(try reader.join())
            loop.unregister(new, willClose: false)
        }
    }

    @Test(arguments: Backend.allCases)
    func `what has hung up stays readable however often it was drained`(
        _ backend: Backend
    ) async throws {
        try await onHub(backend) { loop in
            let pair = try SocketPair()
            defer { pair.close() }
            let registration = try loop.register(pair.near)
            registration.isDrained()
            let reader = spawn(.fiber) { try registration.wait(for: .readable, until: .never) }
            Strand.yield()
            pair.closeFar()
            #expect(try reader.join())
            registration.isDrained()
            #expect(registration.mayBe(.readable))
            #expect(pair.receive(at: pair.near) == "")
            loop.unregister(registration, willClose: false)
        }
    }

    @Test func `a regular file is refused with EPERM`() async throws {
        // SE-014
        try await onHub(.epoll) { loop in
            let file = try unsafe FileDescriptor.open("/proc/self/exe", .readOnly)
            defer { try? file.close() }
            let error = #expect(throws: SystemError.self) { try loop.register(file.rawValue) }
            #expect(error?.errno == .notPermitted)
            #expect(loop.registrationCount == 0)
        }
    }
}
