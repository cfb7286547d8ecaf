@testable import PlaitSync
import Testing

struct LockWordTests {
    static let all = (0..<4).map { LockWord(bits: $0) }

    @Test func `a free word is neither held nor waited for`() {
        #expect(!LockWord.free.isHeld && !LockWord.free.hasWaiters)
        #expect(LockWord.held.isHeld && !LockWord.held.hasWaiters)
    }

    @Test(arguments: all)
    func `a word is taken only while nobody holds it, and keeps its waiters`(_ word: LockWord) {
        guard let taken = word.taken else {
            #expect(word.isHeld)
            return
        }
        #expect(!word.isHeld)
        #expect(taken.isHeld)
        #expect(taken.hasWaiters == word.hasWaiters)
    }

    @Test(arguments: all)
    func `a waiter is announced only while somebody holds the word`(_ word: LockWord) {
        guard let announced = word.withWaiters else {
            #expect(!word.isHeld)
            return
        }
        #expect(word.isHeld && announced.isHeld && announced.hasWaiters)
    }

    @Test(arguments: [false, true], [false, true])
    func `a release leaves it held only if it was handed over`(
        _ isHandedOver: Bool, _ hasWaiters: Bool
    ) {
        let word = LockWord.held.afterRelease(isHandedOver: isHandedOver, hasWaiters: hasWaiters)
        #expect(word.isHeld == isHandedOver)
        #expect(word.hasWaiters == hasWaiters)
    }

    @Test func `a waiter is owed the lock from the age of one millisecond`() {
        #expect(!LockWord.mustHandOver(since: 5_000, now: 5_000))
        #expect(!LockWord.mustHandOver(since: 5_000, now: 1_004_999))
        #expect(LockWord.mustHandOver(since: 5_000, now: 1_005_000))
        // A fiber's clock may be behind: it has queued later than now.
        #expect(!LockWord.mustHandOver(since: 5_000, now: 4_000))
    }
}
