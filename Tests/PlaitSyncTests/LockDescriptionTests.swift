import PlaitSync
import Testing

struct LockDescriptionTests {
    // TH-002, TH-003, AS-111
    @Test func `a lock says whether it is locked, and which one it is`() {
        let (lock, other) = (Lock(), Lock())
        let address = "0x" + String(UInt(bitPattern: ObjectIdentifier(lock)), radix: 16)
        #expect("\(lock)" == "Lock(unlocked, \(address))")
        #expect(lock.tryAcquire())
        #expect("\(lock)" == "Lock(locked, \(address))")
        lock.release()
        #expect("\(lock)" == "Lock(unlocked, \(address))")
        #expect("\(lock)" != "\(other)")
    }
}
