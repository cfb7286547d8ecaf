import PlaitPlatform
import Testing
import TestSupport

struct CurrentTaskTests {
    @Test func `the running task is the one that Swift's handle refers to`() async throws {
        func addressOfHandle() -> UnsafeRawPointer? {
            unsafe withUnsafeCurrentTask { task in
                unsafe task.map { unsafe unsafeBitCast($0, to: UnsafeRawPointer.self) }
            }
        }
        func isSame() -> Bool {
            let address = unsafe currentTaskAddress()
            return unsafe address != nil && address == addressOfHandle()
        }
        #expect(isSame())
        await Task.yield()
        #expect(isSame())
        let outer = unsafe UInt(bitPattern: currentTaskAddress())
        async let inner = unsafe UInt(bitPattern: currentTaskAddress())
        #expect(await inner != outer)
    }

    @Test func `a thread runs no task`() async throws {
        let hasTask = try await onThread { unsafe currentTaskAddress() != nil }
        #expect(!hasTask)
    }
}
