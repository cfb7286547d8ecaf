public import PlaitSync

/// A queue of numbers, in whichever order: for tests that hold for all of them.
public protocol IntQueue: AnyObject, Sendable, CustomStringConvertible {
    var capacity: Int { get set }
    var count: Int { get }
    var isEmpty: Bool { get }
    var isFull: Bool { get }
    var isShutDown: Bool { get }
    var unfinishedCount: Int { get }

    @available(*, noasync)
    func put(_ item: sending Int) throws
    func put(_ item: sending Int) async throws
    @available(*, noasync)
    func put(_ item: sending Int, within limit: Duration?) throws -> Bool
    func put(_ item: sending Int, within limit: Duration?) async throws -> Bool
    func tryPut(_ item: sending Int) throws -> Bool
    @available(*, noasync)
    func get(within limit: Duration?) throws -> sending Int
    func get(within limit: Duration?) async throws -> sending Int
    func tryGet() throws -> sending Int?
    @available(*, noasync)
    func peek(within limit: Duration?) throws -> Int
    func peek(within limit: Duration?) async throws -> Int
    func tryPeek() throws -> Int?
    func taskDone()
    @available(*, noasync)
    func join(within limit: Duration?) throws(CancellationError) -> Bool
    func join(within limit: Duration?) async throws(CancellationError) -> Bool
    func shutDown(immediately: Bool)
}

extension BlockingQueue: IntQueue where Storage.Element == Int {}

extension IntQueue {
    @available(*, noasync)
    public func get() throws -> Int { try get(within: nil) }
    public func get() async throws -> Int { try await get(within: nil) }
    @available(*, noasync)
    public func peek() throws -> Int { try peek(within: nil) }
    public func peek() async throws -> Int { try await peek(within: nil) }
    @available(*, noasync)
    public func join() throws { _ = try join(within: nil) }
    public func join() async throws { _ = try await join(within: nil) }
    public func shutDown() { shutDown(immediately: false) }

    /// Takes all there is, without waiting.
    public func drain() throws -> [Int] {
        var items: [Int] = []
        while let item = try tryGet() { items.append(item) }
        return items
    }
}

/// The orders that queues have.
public enum QueueKind: String, CaseIterable, Sendable, Codable {
    case oldestFirst, youngestFirst, smallestFirst

    public func make(_ items: [Int] = [], capacity: Int) -> any IntQueue {
        switch self {
        case .oldestFirst: Queue<Int>(items, capacity: capacity)
        case .youngestFirst: LifoQueue<Int>(items, capacity: capacity)
        case .smallestFirst: PriorityQueue<Int>(items, capacity: capacity)
        }
    }

    public func makeUnbounded(_ items: [Int] = []) -> any IntQueue {
        switch self {
        case .oldestFirst: Queue<Int>.unbounded(items)
        case .youngestFirst: LifoQueue<Int>.unbounded(items)
        case .smallestFirst: PriorityQueue<Int>.unbounded(items)
        }
    }

    /// How items that were put in this order come out.
    public func order(_ items: [Int]) -> [Int] {
        switch self {
        case .oldestFirst: items
        case .youngestFirst: items.reversed()
        case .smallestFirst: items.sorted()
        }
    }

    /// Every kind of queue with every kind of waiter.
    public static var withWaiters: [(QueueKind, WaiterKind)] {
        allCases.flatMap { queue in WaiterKind.allCases.map { (queue, $0) } }
    }
}
