internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync

/// Forks again and again, while fibers of the parent are in the middle of what a child must be able
/// to do: allocating, holding locks, making types.
enum ManyForks {
    private struct Leaf: Codable, Equatable { let words: [String: [Int]] }

    /// A value whose type is `depth` deep: the runtime makes it when it is first used.
    private static func deepen(_ depth: Int) -> any Shape {
        var shape: any Shape = Point()
        for _ in 0..<depth { shape = shape.framed() }
        return shape
    }

    private static func use(_ round: Int) throws -> Bool {
        var memory: [[UInt8]] = []
        for size in 0..<12 { memory.append([UInt8](repeating: 1, count: 1 << size)) }
        let leaf = Leaf(words: Dictionary(uniqueKeysWithValues: (0..<2).map { ("\($0)", [$0]) }))
        let bytes = try MessagePackEncoder().encode(leaf)
        let copy = try MessagePackDecoder().decode(Leaf.self, from: bytes)
        let depth = 1 + round % 40
        let shape = deepen(depth) as Any as? any Shape
        return copy == leaf && shape?.depth == depth && memory.count == 12
    }

    static func run(_ count: Int) throws {
        let (common, held) = (Lock(), Lock())
        let isOver = Event()
        let fibers = (0..<4).map { number in
            spawn(.fiber) {
                var round = number
                while !isOver.isSet {
                    try common.withLock {
                        guard try use(round) else { fatalError("round \(round)") }
                        // Another takes its turn, and the fork comes, while this one holds the
                        // lock.
                        Strand.yield()
                    }
                    round += 7
                }
            }
        }
        let holder = spawn(.fiber) {
            try held.acquire()
            try isOver.wait()
            held.release()
        }
        var failed = 0
        for round in 0..<count {
            Strand.yield()
            let child = try ChildProcess.fork {
                // Whoever held it is not here.
                if common.isLocked { common.release() }
                held.release()
                try common.withLock { try held.withLock { guard try use(round) else { exit(2) } } }
                guard try spawn(.fiber, { try use(round + 1) }).join() else { exit(3) }
            }
            if try child.join(within: .seconds(60)) != .code(0) {
                failed += 1
                child.kill()
            }
        }
        isOver.set()
        for fiber in fibers { try fiber.join() }
        try holder.join()
        print("forks", count, "failed", failed)
    }

    private static func exit(_ code: Int32) -> Never { Processes.exitNow(code) }
}

private protocol Shape {
    var depth: Int { get }
    func framed() -> any Shape
}

private struct Point: Shape {
    var depth: Int { 0 }
    func framed() -> any Shape { Frame(inner: self) }
}

private struct Frame<Inner: Shape>: Shape {
    let inner: Inner
    var depth: Int { 1 + inner.depth }
    func framed() -> any Shape { Frame<Frame<Inner>>(inner: self) }
}
