import Plait

/// Items from one fiber to another of the same hub, nanoseconds an item.
func queueBetweenFibers(capacity: Int, items: Int) throws -> Figure {
    try inFiber {
        let queue = Queue<Int>(capacity: capacity)
        let putting = spawn(.fiber) { for item in 0..<items { try queue.put(item) } }
        let figure = try time(items) {
            for expected in 0..<items {
                guard try queue.get() == expected else { throw WrongItem() }
            }
        }
        try putting.join()
        return figure
    }
}

/// Items from `pairs` threads to as many others, nanoseconds an item.
func queueBetweenThreads(capacity: Int, pairs: Int, items: Int) throws -> Figure {
    let queue = Queue<Int>(capacity: capacity)
    let share = items / pairs
    return try time(share * pairs) {
        let putting = (0..<pairs).map { _ in
            spawn(.thread) { for item in 0..<share { try queue.put(item) } }
        }
        let getting = (0..<pairs).map { _ in
            spawn(.thread) {
                var sum = 0
                for _ in 0..<share { sum &+= try queue.get() }
                return sum
            }
        }
        for thread in putting { try thread.join() }
        let sum = try getting.reduce(0) { try $0 + $1.join() }
        guard sum == pairs * share * (share - 1) / 2 else { throw WrongItem() }
    }
}
