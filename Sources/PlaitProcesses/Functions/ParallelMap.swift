internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// Computes `body` of each item in copies of this process, and waits for all results. They come in
/// the order of the items.
///
/// ```swift
/// let index = try loadIndex()                 // gigabytes, shared by all copies as long as nobody
/// writes let pages = try parallelMap(documents) { try index.render($0) }
/// ```
/// The process must have a single thread, and the caller must be that thread's own strand. Values
/// that `body` uses need not be `Codable`: a copy has everything that this process has at the call,
/// and its changes stay its own. Only the results are sent. A copy takes a new chunk of items
/// whenever it is free. Blocks the calling thread, whose fibers go on meanwhile.
///
/// When an item fails, the call ends and reaps all copies, without waiting for the other items, and
/// then throws.
/// - Parameters:
///   - processes: The largest number of copies; by default the number of processors.
///   - chunkSize: How many items a copy takes at a time. Nil takes about four chunks for each copy,
///     of at least one item.
///   - options: Working directory, environment and limits of the copies.
/// - Throws: The first error of `body`: the error itself if it is `Codable`, otherwise a
///   ``RemoteError``. ``WorkerCrashed`` with the name of a copy that ended without an answer;
///   ``MultiThreadedFork``, which names the threads; `SystemError`: EAGAIN at the limit of
///   processes, ENOMEM, EMFILE; errors of encoding and decoding results; `CancellationError`.
/// - Source: Python's `multiprocessing.Pool.map` with the start method `fork`.
@available(*, noasync, message: "a program with tasks has several threads: use a ProcessPool's map")
public func parallelMap<Item, Result: Codable>(
    _ items: some Sequence<Item>, processes: Int? = nil, chunkSize: Int? = nil,
    options: ChildProcess.Options = .ofFunction, _ body: (Item) throws -> Result
) throws -> [Result] {
    let count = processes ?? processorCount
    demand(count >= 1, "parallelMap needs at least 1 process, not \(count)")
    let items = Array(items)
    let size = chunkSize ?? max(1, items.count / (4 * count))
    demand(size >= 1, "a chunk of \(size) items; give 1 or more")
    if items.isEmpty { return [] }
    let work = try ForkedWork(items: items.count, chunkSize: size)
    let team = ForkedTeam()
    var isDone = false
    defer { team.end(killing: !isDone) }
    for number in 0..<min(count, work.chunks) {
        try team.add("parallelMap-\(number)", options) { name, link in
            try work.run(name, link) {
                try PackedArray.encode(try items[$0].map(body), in: .unwatched)
            }
        }
    }
    let answers = try team.collect(work.chunks)
    isDone = true
    return try answers.flatMap { try PackedArray.decode($0[...], of: Result.self) }
}

/// Chunks of items, which the copies of a process divide among themselves.
private struct ForkedWork {
    private let items: Int
    private let chunkSize: Int
    /// The number of the first chunk that no copy has taken.
    private let next: SharedCell

    init(items: Int, chunkSize: Int) throws {
        self.items = items
        self.chunkSize = chunkSize
        next = try SharedCell(0, name: "plait-parallel")
    }

    var chunks: Int { (items + chunkSize - 1) / chunkSize }

    /// The life of a copy. For each chunk it sends the number and the results. The last thing it
    /// sends is an error, or a report that it has finished.
    func run(_ name: String, _ link: Connection, _ body: (Range<Int>) throws -> [UInt8]) throws {
        while let chunk = takeChunk() {
            let start = chunk * chunkSize
            let range = start..<min(start + chunkSize, items)
            do {
                let bytes = try body(range)
                try link.send(value: ForkedReport.results(chunk))
                try link.send(bytes)
            } catch {
                try link.send(value: ForkedReport.failure)
                try link.send(Answer.of(error))
                return
            }
        }
        try link.send(value: ForkedReport.end)
    }

    /// Takes the next chunk, if there is one. Each chunk is given out once.
    private func takeChunk() -> Int? {
        var chunk: UInt32 = 0
        let isThere = next.change { number in
            chunk = number
            return number < chunks ? number + 1 : nil
        }
        return isThere ? Int(chunk) : nil
    }
}

/// What a copy reports before it sends bytes, and at its end.
private enum ForkedReport: Codable {
    case results(Int)
    case failure
    case end
}

/// Copies of this process that work for one call.
private final class ForkedTeam {
    private struct Member {
        let name: String
        let launch: Launch
    }
    private var members: [Member] = []

    func add(
        _ name: String, _ options: ChildProcess.Options,
        _ body: (String, Connection) throws -> Void
    ) throws {
        let launch = try Launch.fork(options, name: name, isDaemon: false) { link in
            // A copy notices the parent's end only if no other copy keeps the parent's ends open.
            for member in members { member.launch.link.close() }
            try body(name, link)
        }
        members.append(Member(name: name, launch: launch))
    }

    /// Receives from all copies at the same time, so that no copy waits for its reader.
    func collect(_ chunks: Int) throws -> [[UInt8]] {
        let answers = Answers(chunks)
        let isOver = Event()
        var left = members.count
        let fibers = members.map { member in
            spawn(.fiber, name: member.name) {
                do {
                    try self.take(from: member, answers)
                } catch {
                    // Keep the first of several errors.
                    if answers.error == nil { answers.error = error }
                    isOver.set()
                }
                left -= 1
                if left == 0 { isOver.set() }
            }
        }
        defer {
            // The fibers that have started use variables of this frame.
            for fiber in fibers { fiber.cancel() }
            for fiber in fibers { fiber.strand.joinUncancellably() }
        }
        for fiber in fibers where !fiber.isAlive { try fiber.join() }
        try isOver.wait()
        if let error = answers.error { throw error }
        return answers.all
    }

    private func take(from member: Member, _ answers: Answers) throws {
        let launch = member.launch
        do {
            while true {
                let report = try launch.receive(until: .never)
                switch try MessagePackDecoder().decode(ForkedReport.self, from: report) {
                case .results(let chunk):
                    let results = try launch.receive(until: .never)
                    guard answers.all.indices.contains(chunk) else {
                        throw ConnectionError.malformed
                    }
                    answers.all[chunk] = results
                case .failure: return try Answer.check(try launch.receive(until: .never))
                case .end: return
                }
            }
        } catch ConnectionError.endOfStream, ConnectionError.truncated {
        } catch let error as SystemError where error.meansEnd {
        }
        let child = member.launch.child
        let status = try child.join()
        throw WorkerCrashed(name: member.name, pid: child.pid, status: status, said: [])
    }

    /// Waits until all copies have ended.
    func end(killing: Bool) {
        if killing { for member in members { member.launch.child.kill() } }
        for member in members {
            while member.launch.child.isAlive {
                // A cancellation must not leave a copy behind.
                _ = try? member.launch.child.join()
            }
        }
    }

    /// Only the fibers of one thread use it.
    private final class Answers {
        var all: [[UInt8]]
        var error: (any Error)?
        init(_ chunks: Int) { all = Array(repeating: [], count: chunks) }
    }
}
