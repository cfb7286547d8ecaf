import CPlaitSwitch
import Foundation
import Glibc
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import Synchronization
import SystemPackage
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct StackTraceTests {
    // MARK: The caller's own

    @Test func `a trace names the functions on the stack, innermost first`() throws {
        var traces: [StackTrace] = []
        outermost(&traces) { $0.append(.capture()) }
        let lines = try #require(traces.first).lines
        expect(["innermost", "middle", "outermost"], in: lines)
        // What took it is no part of it.
        #expect(!lines.contains { $0.contains("StackTrace.capture") })
    }

    @Test func `it has no more addresses than asked for, and none of those to be skipped`() {
        var traces: [StackTrace] = []
        outermost(&traces) {
            $0.append(.capture())
            $0.append(.capture(limit: 2))
            $0.append(.capture(skipping: 1, limit: 1))
            $0.append(.capture(skipping: 100_000))
        }
        #expect(traces[1].addresses.count == 2)
        #expect(traces[1].addresses[1] == traces[0].addresses[1])
        #expect(traces[2].addresses == [traces[0].addresses[1]])
        #expect(traces[3].addresses.isEmpty)
        #expect(traces[3].lines.isEmpty)
    }

    @Test(arguments: StrandKind.allCases)
    func `it ends at the entry of its fiber or thread`(_ kind: StrandKind) async throws {
        let lines = try await onStrand(kind) {
            var traces: [StackTrace] = []
            outermost(&traces) { $0.append(.capture(limit: 1_000)) }
            return traces[0].lines
        }
        expect(["innermost", "middle", "outermost"], in: lines)
        #expect(lines.count < 100)
        switch kind {
        case .fiber: #expect(lines.last?.contains("fiberEntry") == true)
        case .thread:
            // What lies between may have been inlined.
            expect(["outermost", "Platform.startThread"], in: lines)
        }
    }

    @Test func `fibers that switch have each their own`() async throws {
        let all = try await onThread {
            let fibers = (0..<3).map { _ in
                spawn(.fiber) {
                    var traces: [StackTrace] = []
                    outermost(&traces) {
                        for _ in 0..<5 {
                            $0.append(.capture())
                            Strand.yield()
                        }
                    }
                    return traces
                }
            }
            return try fibers.map { try $0.join() }
        }
        let first = try #require(all.first?.first)
        // But for the innermost: an optimizer may have copied the loop's body.
        for trace in all.flatMap(\.self) {
            #expect(trace.addresses.dropFirst() == first.addresses.dropFirst())
        }
        #expect(first.lines.last?.contains("fiberEntry") == true)
    }

    @Test func `on a stack that is nobody's it reads only what can be read`() async throws {
        let lines = try await onThread { onForeignStack().lines }
        expect(["innermost", "middle", "outermost"], in: lines)
    }

    // MARK: Names

    @Test func `where a file has no name for it, a line is what addr2line takes`() throws {
        let library = try Mapping(of: "libm.so")
        // The module's header is no function's.
        let trace = StackTrace(addresses: [library.start + 0x20], beginsExactly: true)
        #expect(trace.lines == ["\(library.name)+0x20"])
    }

    @Test func `an address in no file is all there is to say`() {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 16)
        defer { unsafe memory.deallocate() }
        let address = UInt(bitPattern: memory)
        let trace = StackTrace(addresses: [address], beginsExactly: true)
        #expect(trace.description == "0x\(String(address, radix: 16))")
    }

    @Test func `of a library whose file is gone, what it exports keeps its name`() throws {
        let copy = "libplait-\(getpid()).so"
        let path = NSTemporaryDirectory() + copy
        try FileManager.default.copyItem(atPath: Mapping(of: "libm.so").path, toPath: path)
        let library = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL)
        try FileManager.default.removeItem(atPath: path)
        // One that the processor does not choose among several of.
        let exported = unsafe try #require(unsafe dlsym(library, "fegetround"))
        let base = try Mapping(of: copy).start
        let trace = StackTrace(
            addresses: [UInt(bitPattern: exported) + 1, base + 0x21], beginsExactly: false)
        #expect(trace.lines == ["fegetround + 0 (\(copy))", "\(copy)+0x20"])
    }

    // MARK: Another thread's

    @Test func `another thread's trace says where it computes`() async throws {
        let work = Work()
        let thread = spawn(.thread) { compute(work) }
        try await until { work.kernelID.load(ordering: .acquiring) != 0 }
        let lines = StackTrace.capture(ofThread: work.thread, within: .seconds(30))?.lines ?? []
        work.mayEnd.store(true, ordering: .relaxed)
        try await thread.join()
        expect(["compute", "Platform.startThread"], in: lines)
    }

    @Test(arguments: [nil, Duration.seconds(3_600)])
    func `where it sleeps, and the sleep goes on`(_ limit: Duration?) async throws {
        let work = Work()
        let event = Event()
        let thread = spawn(.thread) { try sleep(on: event, within: limit, work) }
        try await until { trace(of: work)?.contains { $0.contains("plait_futex_wait") } == true }
        for _ in 0..<5 {
            expect(["plait_futex_wait", "Event.wait", "sleep"], in: trace(of: work) ?? [])
        }
        #expect(thread.isAlive)
        event.set()
        #expect(try await thread.join())
    }

    @Test(arguments: [nil, Duration.seconds(3_600)])
    func `where an idle hub waits, and it waits on`(_ limit: Duration?) async throws {
        let background = try await Hub.start(name: "traced")
        let work = Work()
        let event = Event()
        // With a limit, the hub's wait has one too, and is another system call.
        let fiber = spawn(.fiber, on: background.hub) { try sleep(on: event, within: limit, work) }
        try await until { trace(of: work)?.contains { $0.contains("plait_epoll_wait") } == true }
        for _ in 0..<5 {
            expect(
                ["plait_epoll_wait", "Loop.runOnce", "Hub.round", "Platform.startThread"],
                in: trace(of: work) ?? [])
        }
        #expect(fiber.isAlive)
        event.set()
        #expect(try await fiber.join())
        try await onThread { try background.stop() }
    }

    @Test func `where a thread without a hub waits for a descriptor, and it waits on`() async throws
    {
        let work = Work()
        let sockets = try SocketPair()
        defer { sockets.close() }
        let number = sockets.far
        let thread = spawn(.thread) {
            work.kernelID.store(kernelThreadID(), ordering: .releasing)
            let strand = Strand.current as? ThreadStrand
            return try strand?.wait(for: number, .readable, until: .never)
        }
        try await until { trace(of: work)?.contains { $0.contains("plait_poll") } == true }
        for _ in 0..<5 { expect(["plait_poll", "ThreadStrand.wait"], in: trace(of: work) ?? []) }
        sockets.send("go on", from: sockets.near)
        #expect(try await thread.join() == .readable)
    }

    @Test func `a sample says which fiber ran`() async throws {
        let background = try await Hub.start(name: "sampled")
        let work = Work()
        let fiber = spawn(.fiber, on: background.hub, name: "busy") { compute(work) }
        try await until { work.kernelID.load(ordering: .acquiring) != 0 }
        let sample = try #require(ThreadSample(ofThread: work.thread, within: .seconds(30)))
        work.mayEnd.store(true, ordering: .relaxed)
        #expect(sample.fiber == fiber.strand.id)
        #expect(sample.fiberName == "busy")
        #expect(sample.strand == UInt(bitPattern: ObjectIdentifier(fiber.strand)))
        #expect(sample.hub == UInt(bitPattern: ObjectIdentifier(background.hub)))
        expect(["compute", "fiberEntry"], in: sample.trace.lines)
        try await fiber.join()
        try await onThread { try background.stop() }
    }

    @Test func `a thread that ends meanwhile has a trace or none`() async throws {
        for _ in 0..<50 {
            let work = Work()
            let thread = spawn(.thread) {
                work.kernelID.store(kernelThreadID(), ordering: .releasing)
            }
            try await until { work.kernelID.load(ordering: .acquiring) != 0 }
            _ = StackTrace.capture(ofThread: work.thread, within: .milliseconds(5))
            try await thread.join()
        }
    }

    @Test func `a thread that does not exist has none`() {
        // Beyond the largest number that Linux gives.
        #expect(StackTrace.capture(ofThread: 1 << 30, within: .seconds(30)) == nil)
    }

    @Test func `one that blocks the signal has none, and is not disturbed later`() async throws {
        let work = Work()
        let thread = spawn(.thread) {
            blockSignals(true)
            compute(work)
            // Delivers what has come meanwhile.
            blockSignals(false)
            work.kernelID.store(0, ordering: .relaxed)
            work.mayEnd.store(false, ordering: .relaxed)
            compute(work)
        }
        try await until { work.kernelID.load(ordering: .acquiring) != 0 }
        let number = work.thread
        #expect(StackTrace.capture(ofThread: number, within: .milliseconds(5)) == nil)
        #expect(StackTrace.capture(ofThread: number, within: .zero) == nil)
        work.mayEnd.store(true, ordering: .relaxed)
        try await until { !work.mayEnd.load(ordering: .relaxed) && work.thread != 0 }
        expect(["compute"], in: trace(of: work) ?? [])
        work.mayEnd.store(true, ordering: .relaxed)
        try await thread.join()
    }

    @Test func `requests of several threads are answered one after another`() async throws {
        let work = Work()
        let thread = spawn(.thread) { compute(work) }
        try await until { work.kernelID.load(ordering: .acquiring) != 0 }
        let askers = (0..<4).map { _ in
            spawn(.thread) {
                (0..<50).filter { _ in
                    StackTrace.capture(ofThread: work.thread, within: .seconds(30)) != nil
                }.count
            }
        }
        for asker in askers { #expect(try await asker.join() == 50) }
        work.mayEnd.store(true, ordering: .relaxed)
        try await thread.join()
    }
}

/// Where a file lies in memory.
private struct Mapping {
    let start: UInt
    let path: String
    var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The first one of a file whose name begins so.
    init(of prefix: String) throws {
        let file = try unsafe FileDescriptor.open("/proc/self/maps", .readOnly)
        let all = try file.closeAfter {
            var text: [UInt8] = []
            var bytes = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = try unsafe bytes.withUnsafeMutableBytes { bytes in
                    try unsafe file.read(into: bytes)
                }
                if count == 0 { break }
                text += bytes[..<count]
            }
            return String(decoding: text, as: UTF8.self)
        }
        let line = try #require(all.split(separator: "\n").first { $0.contains("/\(prefix)") })
        let fields = line.split(separator: " ", omittingEmptySubsequences: true)
        start = try #require(UInt(fields[0].prefix { $0 != "-" }, radix: 16))
        path = String(fields[5])
    }
}

/// What a thread under observation does, and who it is.
private final class Work: Sendable {
    let kernelID = Atomic<Int32>(0)
    let mayEnd = Atomic<Bool>(false)
    var thread: Int32 { kernelID.load(ordering: .acquiring) }
}

private func trace(of work: Work) -> [String]? {
    StackTrace.capture(ofThread: work.thread, within: .seconds(30))?.lines
}

@inline(never)
private func compute(_ work: Work) {
    work.kernelID.store(kernelThreadID(), ordering: .releasing)
    while !work.mayEnd.load(ordering: .relaxed) {}
}

@inline(never)
private func sleep(on event: Event, within limit: Duration?, _ work: Work) throws -> Bool {
    work.kernelID.store(kernelThreadID(), ordering: .releasing)
    let isSet = try event.wait(within: limit)
    return isSet
}

// Each does something after its call, which keeps its frame.

@inline(never)
private func outermost(_ traces: inout [StackTrace], _ body: (inout [StackTrace]) -> Void) {
    middle(&traces, body)
    traces.reserveCapacity(8)
}

@inline(never)
private func middle(_ traces: inout [StackTrace], _ body: (inout [StackTrace]) -> Void) {
    innermost(&traces, body)
    traces.reserveCapacity(9)
}

@inline(never)
private func innermost(_ traces: inout [StackTrace], _ body: (inout [StackTrace]) -> Void) {
    body(&traces)
    traces.reserveCapacity(10)
}

/// The trace taken by a function on a stack that neither a thread nor a fiber has.
private func onForeignStack() -> StackTrace {
    let bytes = 262_144
    let stack = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4_096)
    let visit = UnsafeMutablePointer<Visit>.allocate(capacity: 1)
    unsafe visit.initialize(to: Visit())
    defer {
        unsafe visit.deinitialize(count: 1)
        unsafe visit.deallocate()
        unsafe stack.deallocate()
    }
    unsafe plait_context_make(
        &visit.pointee.there, stack, stack + bytes,
        { argument in
            let visit = unsafe argument.assumingMemoryBound(to: Visit.self)
            unsafe outermost(&visit.pointee.traces) { $0.append(.capture()) }
            unsafe plait_raw_switch(&visit.pointee.gone, visit.pointee.back!)
        }, visit)
    unsafe plait_raw_switch(&visit.pointee.back, visit.pointee.there.stack_pointer!)
    return unsafe visit.pointee.traces[0]
}

@unsafe
private struct Visit {
    var there = unsafe plait_context()
    var back: UnsafeMutableRawPointer?
    var gone: UnsafeMutableRawPointer?
    var traces: [StackTrace] = []
}

/// Blocks, or lets through, all signals of the calling thread.
private func blockSignals(_ blocks: Bool) {
    var all = sigset_t()
    unsafe sigfillset(&all)
    unsafe pthread_sigmask(blocks ? SIG_BLOCK : SIG_UNBLOCK, &all, nil)
}

/// Each name is in a line after that of the one before it.
private func expect(
    _ names: [String], in lines: [String], sourceLocation: SourceLocation = #_sourceLocation
) {
    var rest = lines[...]
    for name in names {
        let found = rest.firstIndex { $0.contains(name) }
        #expect(
            found != nil, "no \(name), or not in its place, in:\n\(lines.joined(separator: "\n"))",
            sourceLocation: sourceLocation)
        rest = rest[((found ?? rest.endIndex - 1) + 1)...]
    }
}
