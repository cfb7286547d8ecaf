import PlaitParking
import PlaitPlatform
import Synchronization
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct UncancellableSuspensionTests {
    private func cancelThisTask() { unsafe withUnsafeCurrentTask { unsafe $0?.cancel() } }

    /// Suspends until the waiter that it puts into `queue` is woken.
    private func suspend(in queue: Box<[Waiter]>, within limit: Duration? = nil) async
        -> WaitOutcome
    {
        await Parking.suspend(
            on: WaitTarget("Test.wait"), until: Deadline(within: limit), isCancellable: false,
            enrol: { waiter in
                queue.update { $0.append(waiter) }
                return true
            }, withdraw: { waiter in queue.update { $0.removeAll { $0 == waiter } } })
    }

    @Test(arguments: [false, true])
    func `it ends by a wake alone, if the task is cancelled before or meanwhile`(
        _ isBefore: Bool
    ) async throws {
        let queue = Box<[Waiter]>([])
        let task = Task {
            if isBefore { cancelThisTask() }
            return await suspend(in: queue)
        }
        try await until { !queue.value.isEmpty }
        task.cancel()
        let waiter = try #require(queue.value.first)
        #expect(waiter.outcome == .pending)
        #expect(waiter.settle(.woken))
        waiter.unpark()
        #expect(await task.value == .woken)
        #expect(task.isCancelled)
    }

    @Test func `it still has its limit`() async {
        let queue = Box<[Waiter]>([])
        let task = Task {
            cancelThisTask()
            return await suspend(in: queue, within: .milliseconds(1))
        }
        #expect(await task.value == .timedOut)
        #expect(queue.value.isEmpty)
    }
}
