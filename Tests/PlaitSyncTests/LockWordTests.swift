@testable import PlaitSync
import Testing

struct LockWordTests {
    static let all = (0..<4).map { LockWord(bits: $0) }
    private let free = LockWord(bits: 0)
    private let held = LockWord(bits: 1)

    @Test func `a free word is neither held nor waited for`() {
        #expect(!free.isHeld && !free.hasWaiters)
        #expect(held.isHeld && !held.hasWaiters)
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
    func `who enters takes a free word, and announces itself on a held one`(_ word: LockWord) {
        let entered = word.entered
        #expect(entered.isHeld)
        #expect(entered.hasWaiters == (word.isHeld || word.hasWaiters))
        #expect(LockWord(bits: word.bits | 4).entered.isTraced)
    }

    @Test(arguments: [false, true], [false, true])
    func `a release leaves it held only if it was handed over`(
        _ isHandedOver: Bool, _ hasWaiters: Bool
    ) {
        let word = held.afterRelease(isHandedOver: isHandedOver, hasWaiters: hasWaiters)
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
