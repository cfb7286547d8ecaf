import Glibc
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct ThreadOptionsTests {
    @Test func `a thread runs on the processors that it was given`() async throws {
        try await onThread {
            let allowed = try Strand.current.affinity
            let one = try #require(allowed.min())
            let options = ThreadOptions(affinity: [one])
            let thread = spawn(.thread, options: options) {
                #expect(try Strand.current.affinity == [one])
                // Numbers that the machine does not have are left out.
                try Strand.current.setAffinity(allowed.union([8_000]))
                return try Strand.current.affinity
            }
            #expect(try thread.join() == allowed)
        }
    }

    @Test func `a thread without a processor ends with the system's error`() async throws {
        try await onThread {
            for none in [[], [-1], [16_383], [1 << 40]] as [Set<Int>] {
                let thread = spawn(.thread, options: ThreadOptions(affinity: none)) {
                    Issue.record("it ran")
                }
                let error = #expect(throws: SystemError.self) { try thread.join() }
                #expect(error?.call == "sched_setaffinity")
                #expect(error?.errno == .invalidArgument)
            }
        }
    }

    @Test func `others set a thread's processors and priority while it runs`() async throws {
        try await onThread {
            let goOn = Event()
            let runs = Event()
            let thread = spawn(.thread) {
                runs.set()
                try goOn.wait()
                return (try Strand.current.affinity, try Strand.current.priority)
            }
            try runs.wait()
            let one = try #require(try thread.strand.affinity.max())
            try thread.strand.setAffinity([one])
            try thread.strand.setPriority(.batch(niceness: 5))
            goOn.set()
            let (affinity, priority) = try thread.join()
            #expect(affinity == [one])
            #expect(priority == .batch(niceness: 5))
        }
    }

    @Test(arguments: [ThreadPriority.normal(niceness: 3), .batch(niceness: 4), .idle])
    func `a thread has the priority that it was given`(_ priority: ThreadPriority) async throws {
        try await onThread {
            let before = try Strand.current.priority
            let seen = try spawn(.thread, options: ThreadOptions(priority: priority)) {
                try Strand.current.priority
            }.join()
            #expect(seen == priority)
            #expect(try Strand.current.priority == before)
        }
    }

    @Test func `a nice value out of range is an error`() async throws {
        try await onThread {
            for niceness in [-21, 20, .min, .max] {
                let thread = spawn(
                    .thread, options: ThreadOptions(priority: .normal(niceness: niceness))
                ) {}
                let error = #expect(throws: SystemError.self) { try thread.join() }
                #expect(error?.errno == .invalidArgument)
            }
        }
    }

    @Test func `a priority that the process may not have is an error`() async {
        await #expect(processExitsWith: .success) {
            // Without the right to it: another user, and no limit that allows it.
            var limit = rlimit(rlim_cur: 0, rlim_max: 0)
            _ = unsafe setrlimit(__rlimit_resource_t(13), &limit)
            _ = setuid(65_534)
            try await onThread {
                let error = #expect(throws: SystemError.self) {
                    try Strand.current.setPriority(.normal(niceness: -10))
                }
                #expect(error?.errno == .permissionDenied || error?.errno == .notPermitted)
                #expect(error?.call == "setpriority")
            }
        }
    }

    @Test func `a strand that does not run has neither`() async throws {
        try await onThread {
            let ended = spawn(.thread) {}
            try ended.join()
            let error = #expect(throws: SystemError.self) { try ended.strand.setAffinity([0]) }
            #expect(error?.errno == .noSuchProcess)
            #expect(throws: SystemError.self) { try ended.strand.priority }
        }
    }

    // MARK: Stacks

    // TH-043
    @Test(arguments: [-1, 1, 4_096, 16_383])
    func `a stack that is too small is an error`(_ bytes: Int) async throws {
        try await onThread {
            let thread = spawn(.thread, name: "tiny", stackSize: bytes) { Issue.record("it ran") }
            let error = #expect(throws: SystemError.self) { try thread.join() }
            #expect(error?.errno == .invalidArgument)
            #expect(error?.subject == "tiny, \(bytes) bytes")
            #expect(throws: SystemError.self) { try ThreadOptions.setDefaultStackSize(bytes) }
        }
    }

    // TH-042, TH-043
    @Test func `the default stack size is the system's until another is set`() async {
        // The default is the process's.
        await #expect(processExitsWith: .success) {
            try #require(ThreadOptions.defaultStackSize == nil)
            let usual = try await spawn(.thread) { ThreadTuning.ownStackSize }.join()
            for bytes in [262_144, 1 << 20, 4 << 20] {
                try ThreadOptions.setDefaultStackSize(bytes)
                try #require(ThreadOptions.defaultStackSize == bytes)
                let size = try await spawn(.thread) { ThreadTuning.ownStackSize }.join()
                try #require(isStack(size, for: bytes))
                let own = try await spawn(.thread, stackSize: 524_288) { ThreadTuning.ownStackSize }
                    .join()
                try #require(isStack(own, for: 524_288))
            }
            #expect(throws: SystemError.self) { try ThreadOptions.setDefaultStackSize(100) }
            try #require(ThreadOptions.defaultStackSize == 4 << 20)
            try ThreadOptions.setDefaultStackSize(0)
            try #require(ThreadOptions.defaultStackSize == nil)
            let restored = try await spawn(.thread) { ThreadTuning.ownStackSize }.join()
            try #require(isStack(restored, for: usual))
            try ThreadOptions.setDefaultStackSize(1 << 20)
            try ThreadOptions.setDefaultStackSize(nil)
            try #require(ThreadOptions.defaultStackSize == nil)
        }
    }
}

/// The system may take a guard page off, or use an ended thread's stack of up to four times the
/// size.
private func isStack(_ size: Int, for bytes: Int) -> Bool {
    (bytes - 65_536...4 * bytes).contains(size)
}
