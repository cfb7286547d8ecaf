import PlaitSync
import Testing

struct LockDescriptionTests {
    // TH-002, TH-003, AS-111
    @Test func `a lock says whether it is locked, and which one it is`() {
        let lock = Lock()
        let other = Lock(name: "other")
        let line = #line - 2
        let place = "at PlaitSyncTests/LockDescriptionTests.swift:\(line)"
        #expect("\(lock)" == "Lock(unlocked, \(place))")
        #expect(lock.tryAcquire())
        #expect("\(lock)" == "Lock(locked, \(place))")
        lock.release()
        #expect("\(lock)" == "Lock(unlocked, \(place))")
        #expect("\(other)" == "Lock(unlocked, other)")
    }
}
