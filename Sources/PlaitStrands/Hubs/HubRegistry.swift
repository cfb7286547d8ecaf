internal import PlaitParking
internal import PlaitPlatform
internal import PlaitSync

/// The hubs of the process, for listings.
enum HubRegistry {
    private struct State {
        /// The hubs by address.
        var hubs: [UInt: Hub] = [:]
    }

    private static let state = Guarded(State())

    static func add(_ hub: Hub) {
        state.withLock { $0.hubs[address(of: hub)] = hub }
    }

    static func remove(_ hub: Hub) {
        state.withLock { _ = $0.hubs.removeValue(forKey: address(of: hub)) }
    }

    /// The hub that was at `pointer`, unless it has ended.
    static func hub(at pointer: UnsafeMutableRawPointer) -> Hub? {
        state.withLock { $0.hubs[UInt(bitPattern: pointer)] }
    }

    private static func address(of hub: Hub) -> UInt { UInt(bitPattern: ObjectIdentifier(hub)) }

    static var hubs: [Hub] { state.withLock { Array($0.hubs.values) } }

    /// Asks every hub, each on its own thread, and waits for the answers until `limit` has passed.
    static func collect<Item: Sendable>(
        within limit: Duration, _ ask: @escaping @Sendable (Hub) -> [Item]
    ) -> [Item] {
        let answers = Answers<Item>()
        let deadline = Deadline(within: limit)
        var asked = 0
        var found: [Item] = []
        for hub in hubs {
            if hub.isCurrent {
                found += ask(hub)
            } else if hub.post({ answers.add(ask(hub)) }) {
                asked += 1
            }
        }
        for _ in 0..<asked {
            let left =
                monotonicNow() < deadline.nanoseconds
                ? Duration.nanoseconds(Int64(clamping: deadline.nanoseconds - monotonicNow()))
                : .zero
            guard (try? answers.count.acquire(within: left)) == true else { break }
        }
        return found + answers.items
    }

    private final class Answers<Item: Sendable>: @unchecked Sendable {
        // Sendable: `guardLock` guards `found`.
        private let guardLock = ShortLock()
        private var found: [Item] = []
        let count = CountingSemaphore(permits: 0)

        var items: [Item] { guardLock.withLock { found } }

        func add(_ items: [Item]) {
            guardLock.withLock { found += items }
            count.release()
        }
    }
}
