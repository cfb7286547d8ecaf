import PlaitParking
import PlaitPlatform
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

    // TH-084
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

    // TH-083
    @Test(arguments: StrandKind.allCases)
    func `a strand without a name is reported by its kind and number`(
        _ kind: StrandKind
    ) async throws {
        let names = try await reports("\(kind.rawValue)-") { reported in
            let id = try await onThread { spawn(kind: kind) { throw Failure() }.strand.id }
            try await reported.wait()
            #expect(id > 0)
        }
        #expect(names.count == 1)
    }

    // TH-085
    @Test func `a handler gets the error and the strand, instead of the report`() async {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            let reported = Event()
            UncaughtErrors.handle { error, strand in
                StandardStream.error.write("handler: \(error) of \(strand.name) \(strand.kind)\n")
                reported.set()
            }
            try await onThread { _ = spawn(.thread, name: "mine") { throw Failure() } }
            try await reported.wait()
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(output.contains("handler: Failure() of mine thread\n"))
        #expect(!output.contains("ended with an error"))
    }

    // TH-086
    @Test func `when the handler fails, both errors are reported`() async {
        struct HandlerFailure: Error {}
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            UncaughtErrors.handle { _, _ in throw HandlerFailure() }
            try await onThread { _ = spawn(.fiber, name: "mine") { throw Failure() } }
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(
            output.contains("strand mine ended with an error that nobody joined for: Failure()"))
        #expect(output.contains("failed for strand mine: HandlerFailure()"))
    }

    // TH-087
    @Test func `the default report stays reachable, and can be restored`() async {
        let result = await #expect(
            processExitsWith: .success, observing: [\.standardErrorContent]
        ) {
            UncaughtErrors.handle { error, strand in
                if strand.name != "ignored" { UncaughtErrors.log(error, of: strand) }
            }
            try await onThread { _ = spawn(.fiber, name: "ignored") { throw Failure() } }
            try await onThread { _ = spawn(.fiber, name: "passed-on") { throw Failure() } }
            UncaughtErrors.handle(nil)
            try await onThread { _ = spawn(.fiber, name: "restored") { throw Failure() } }
        }
        let output = text(result?.standardErrorContent ?? [])
        #expect(!output.contains("ignored"))
        #expect(output.contains("strand passed-on ended with an error"))
        #expect(output.contains("strand restored ended with an error"))
    }

    private func untilGone(_ isGone: () -> Bool) async throws {
        while !isGone() { await Task.yield() }
    }
}
