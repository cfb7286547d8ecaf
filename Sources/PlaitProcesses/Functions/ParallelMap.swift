internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync

/// Has copies of this process compute `body` of each item, and waits for all results, in the order
/// of the items.
///
/// ```swift
/// let index = try loadIndex()                 // gigabytes, shared by all copies as long as nobody
/// writes let pages = try parallelMap(documents) { try index.render($0) }
/// ```
/// Only from a process with a single thread, on that thread's own strand. What `body` uses need not
/// be `Codable`: a copy has all that this process has, as it is at the call, and what it changes is
/// its own. Only the results are sent. Copies take chunks of items as they come free. Blocks the
/// calling thread, whose fibers go on meanwhile.
///
/// When an item fails, the others are not waited for: all copies are ended, and reaped, before this
/// throws.
/// - Parameters:
///   - processes: At most so many copies; as many as there are processors if not given.
///   - chunkSize: Items that a copy takes at a time; nil: so many that each takes four times, at
///     least one.
///   - options: Where the copies work and what they may use.
/// - Throws: What `body` threw first, as it was if it is `Codable`, else a ``RemoteError``;
///   ``WorkerCrashed`` with the name of the copy that ended without an answer;
///   ``MultiThreadedFork``, which names the threads; `SystemError`: EAGAIN at the limit of
///   processes, ENOMEM, EMFILE; what a result's encoding and decoding throw; `CancellationError`.
/// - Source: Python's `multiprocessing.Pool.map` with the start method `fork`, where the function
///   need not be sent either.
@available(*, noasync)
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

/// Chunks of items, which the copies of a process share out among themselves.
private struct ForkedWork {
    private let items: Int
    private let chunkSize: Int
    /// The first chunk that nobody has taken.
    private let next: SharedCell

    init(items: Int, chunkSize: Int) throws {
        self.items = items
        self.chunkSize = chunkSize
        next = try SharedCell(0, name: "plait-parallel")
    }

    var chunks: Int { (items + chunkSize - 1) / chunkSize }

    /// The life of a copy: it sends the number of a chunk, and its results; an error is the last
    /// that it sends, or else that there is no more.
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

    /// The next chunk, if there is one. Each is given once.
    private func takeChunk() -> Int? {
        var chunk: UInt32 = 0
        let isThere = next.change { number in
            chunk = number
            return number < chunks ? number + 1 : nil
        }
        return isThere ? Int(chunk) : nil
    }
}

/// What a copy says before it sends bytes, or at its end.
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
            // A parent that has ended is noticed only if nobody else keeps its ends.
            for member in members { member.launch.link.close() }
            try body(name, link)
        }
        members.append(Member(name: name, launch: launch))
    }

    /// Takes what all of them send, side by side, so that none waits to be read.
    func collect(_ chunks: Int) throws -> [[UInt8]] {
        let answers = Answers(chunks)
        let isOver = Event()
        var left = members.count
        let fibers = members.map { member in
            spawn(.fiber, name: member.name) {
                do {
                    try self.take(from: member, answers)
                } catch {
                    // Of several errors the first.
                    if answers.error == nil { answers.error = error }
                    isOver.set()
                }
                left -= 1
                if left == 0 { isOver.set() }
            }
        }
        defer {
            // Those that were started use what is ours.
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

    /// Waits until all have ended.
    func end(killing: Bool) {
        if killing { for member in members { member.launch.child.kill() } }
        for member in members {
            while member.launch.child.isAlive {
                // A cancellation is not to leave one behind.
                _ = try? member.launch.child.join()
            }
        }
    }

    /// Used by the fibers of one thread.
    private final class Answers {
        var all: [[UInt8]]
        var error: (any Error)?
        init(_ chunks: Int) { all = Array(repeating: [], count: chunks) }
    }
}
