import MicroSupport
import Plait

/// Passes items there and back between two fibers through two channels; nanoseconds for each
/// direction.
func channelBetweenFibers() throws -> Figure {
    try inFiber {
        let rounds = 2_000_000
        let there = Channel<Int>()
        let back = Channel<Int>()
        let other = spawn(.fiber) {
            for _ in 0..<rounds { try back.send(there.receive() + 1) }
        }
        let figure = try time(2 * rounds) {
            for round in 0..<rounds {
                try there.send(round)
                guard try back.receive() == round + 1 else { throw WrongItem() }
            }
        }
        try other.join()
        return figure
    }
}

/// Passes items there and back between two tasks on Swift's pool through two channels; nanoseconds
/// for each direction.
func channelBetweenTasks() throws -> Figure {
    try inTask {
        let rounds = 500_000
        let there = Channel<Int>()
        let back = Channel<Int>()
        let other = Task.detached {
            for _ in 0..<rounds { try await back.send(there.receive() + 1) }
        }
        let figure = try await time(2 * rounds) {
            for round in 0..<rounds {
                try await there.send(round)
                guard try await back.receive() == round + 1 else { throw WrongItem() }
            }
        }
        try await other.value
        return figure
    }
}
