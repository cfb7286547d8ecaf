import PlaitPlatform
import Testing
import TestSupport

struct CurrentTaskTests {
    @Test func `a task has a number, the same wherever it runs`() async throws {
        let number = currentTaskNumber()
        #expect(number != 0)
        await Task.yield()
        #expect(currentTaskNumber() == number)
    }

    @Test func `no two tasks have the same number, not even one after another`() async throws {
        var numbers: Set<UInt64> = [currentTaskNumber()]
        for _ in 0..<100 {
            numbers.insert(await Task.detached { currentTaskNumber() }.value)
        }
        async let child = currentTaskNumber()
        numbers.insert(await child)
        #expect(numbers.count == 102)
    }

    @Test func `a thread runs no task`() async throws {
        let number = try await onThread { currentTaskNumber() }
        #expect(number == 0)
    }
}
