import PlaitParking
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

/// One after another: the handler is the process's.
@Suite(.serialized)
struct UncaughtErrorsTests {
    struct Failure: Error {}

    /// The names of the strands reported while `body` runs, of those that begin with `prefix`.
    private func reports(
        _ prefix: String, _ body: (_ reported: Event) async throws -> Void
    ) async throws -> [String] {
        let names = Box<[String]>([])
        let reported = Event()
        UncaughtErrors.handle { _, strand in
            guard strand.name.hasPrefix(prefix) else { return }
            names.update { $0.append(strand.name) }
            reported.set()
        }
        defer { UncaughtErrors.handle(nil) }
        try await body(reported)
        return names.value
    }

    @Test(arguments: StrandKind.allCases)
    func `an error that nobody joined for is reported with the strand's name`(
        _ kind: StrandKind
    ) async throws {
        let names = try await reports("lost-") { reported in
            try await onThread { _ = spawn(kind: kind, name: "lost-one") { throw Failure() } }
            try await reported.wait()
        }
        #expect(names == ["lost-one"])
    }

    @Test(arguments: StrandKind.allCases)
    func `it is reported only when the handle goes`(_ kind: StrandKind) async throws {
        let names = try await reports("kept-") { reported in
            try await onThread {
                let handle = spawn(kind: kind, name: "kept-one") { throw Failure() }
                _ = try handle.strand.join()
                #expect(!reported.isSet)
                withExtendedLifetime(handle) {}
            }
            try await reported.wait()
        }
        #expect(names == ["kept-one"])
    }

    @Test(arguments: StrandKind.allCases)
    func `an error that was joined for is not reported`(_ kind: StrandKind) async throws {
        let names = try await reports("joined-") { _ in
            weak var strand: Strand?
            strand = try await onThread {
                let handle = spawn(kind: kind, name: "joined-one") { throw Failure() }
                #expect(throws: Failure.self) { try handle.join() }
                return handle.strand
            }
            try await untilGone { strand == nil }
        }
        #expect(names.isEmpty)
    }

    @Test(arguments: StrandKind.allCases)
    func `being cancelled is not an error to report`(_ kind: StrandKind) async throws {
        let names = try await reports("cancelled-") { _ in
            weak var strand: Strand?
            strand = try await onThread {
                let handle = spawn(kind: kind, name: "cancelled-one") { try Event().wait() }
                handle.cancel()
                _ = try handle.strand.join()
                return handle.strand
            }
            try await untilGone { strand == nil }
        }
        #expect(names.isEmpty)
    }

    @Test(arguments: StrandKind.allCases)
    func `a CancellationError of a strand that was not cancelled is reported`(
        _ kind: StrandKind
    ) async throws {
        let names = try await reports("odd-") { reported in
            try await onThread {
                _ = spawn(kind: kind, name: "odd-one") { throw CancellationError() }
            }
            try await reported.wait()
        }
        #expect(names == ["odd-one"])
    }

    @Test func `children of a scope are not reported: the scope throws their error`() async throws {
        let names = try await reports("child-") { _ in
            _ = try await onThread {
                #expect(throws: Failure.self) {
                    try withScope { scope in
                        scope.spawn(.fiber, name: "child-1") { throw Failure() }
                        scope.spawn(.thread, name: "child-2") { throw Failure() }
                    }
                }
            }
        }
        #expect(names.isEmpty)
    }

    @Test func `without a handler it is logged with the strand's name`() async {
        let result = await #expect(
            processExitsWith: .success,
            observing: [\.standardErrorContent, \.standardOutputContent]
        ) {
            try await onThread { _ = spawn(.fiber, name: "unheard") { throw Failure() } }
        }
        let output = String(
            decoding: (result?.standardErrorContent ?? []) + (result?.standardOutputContent ?? []),
            as: UTF8.self)
        #expect(output.contains("strand unheard ended with an error"))
        #expect(output.contains("Failure()"))
    }

    private func untilGone(_ isGone: () -> Bool) async throws {
        while !isGone() { await Task.yield() }
    }
}
