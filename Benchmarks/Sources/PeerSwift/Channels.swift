import AsyncAlgorithms
import MicroSupport

/// Passes items there and back between two tasks through two channels of swift-async-algorithms;
/// nanoseconds for each direction.
func channelBetweenTasks() throws -> Figure {
    try inTask {
        let rounds = 50_000
        let there = AsyncChannel<Int>()
        let back = AsyncChannel<Int>()
        let other = Task.detached {
            for await item in there { await back.send(item + 1) }
        }
        var answers = back.makeAsyncIterator()
        let figure = try await time(2 * rounds) {
            for round in 0..<rounds {
                await there.send(round)
                guard await answers.next() == round + 1 else { throw WrongItem() }
            }
        }
        there.finish()
        await other.value
        return figure
    }
}
