@testable import PlaitParking
import Testing
import TestSupport

struct ResultSlotTests {
    private struct Failure: Error, Equatable {}

    /// Counts its own end.
    private final class Guest: Sendable {
        let ended: Box<Int>
        init(_ ended: Box<Int>) { self.ended = ended }
        deinit { ended.update { $0 += 1 } }
    }

    private struct Large<Item> {
        var first: Item
        var numbers: (Int, Int, Int, Int, Int) = (1, 2, 3, 4, 5)
    }

    private func strand() -> Strand { ThreadStrand(name: "test", isDaemon: true) }

    @Test func `which values lie in the slot itself`() {
        #expect(ResultSlot.fits(Void.self))
        #expect(ResultSlot.fits((Int, Int, Int, Int).self))
        #expect(ResultSlot.fits([String].self))
        #expect(!ResultSlot.fits((Int, Int, Int, Int, Bool).self))
        // Aligned more strictly than the slot.
        #expect(!ResultSlot.fits(SIMD4<Float>.self))
    }

    @Test func `small and large values come back, as often as asked`() throws {
        let small = strand()
        small.keepResult { (1, 2, "three") }
        let large = strand()
        large.keepResult { Large(first: "first") }
        let aligned = strand()
        aligned.keepResult { SIMD4<Float>(1, 2, 3, 4) }
        let nothing = strand()
        nothing.keepResult {}
        for _ in 0..<2 {
            #expect(try small.result(as: (Int, Int, String).self) == (1, 2, "three"))
            #expect(try large.result(as: Large<String>.self).first == "first")
            #expect(try large.result(as: Large<String>.self).numbers == (1, 2, 3, 4, 5))
            #expect(try aligned.result(as: SIMD4<Float>.self) == [1, 2, 3, 4])
            try nothing.result(as: Void.self)
        }
    }

    @Test func `a nil result is a result`() throws {
        let strand = strand()
        strand.keepResult { () -> Int? in nil }
        #expect(try strand.result(as: Int?.self) == nil)
    }

    @Test func `objects in a result end with the strand`() throws {
        let ended = Box(0)
        do {
            let small = strand()
            small.keepResult { Guest(ended) }
            let large = strand()
            large.keepResult { Large(first: Guest(ended)) }
            #expect(try small.result(as: Guest.self).ended.value == 0)
            #expect(try large.result(as: Large<Guest>.self).first.ended.value == 0)
            withExtendedLifetime((small, large)) { #expect(ended.value == 0) }
        }
        #expect(ended.value == 2)
    }

    @Test func `a result that was taken out lives on`() throws {
        let ended = Box(0)
        var taken: Guest?
        do {
            let strand = strand()
            strand.keepResult { Guest(ended) }
            taken = try strand.result(as: Guest.self)
        }
        #expect(ended.value == 0)
        #expect(taken != nil)
        taken = nil
        #expect(ended.value == 1)
    }

    @Test func `a dropped result ends at once`() {
        let ended = Box(0)
        let strand = strand()
        strand.keepResult { Guest(ended) }
        strand.dropResult()
        #expect(ended.value == 1)
    }

    @Test func `an error is thrown to whoever asks`() {
        let strand = strand()
        strand.keepResult { () throws -> Int in throw Failure() }
        for _ in 0..<2 {
            #expect(throws: Failure()) { try strand.result(as: Int.self) }
        }
    }

    @Test func `an error is unobserved until it is asked for or marked`() {
        let asked = strand()
        asked.keepResult { () throws -> Int in throw Failure() }
        #expect(asked.unobservedError is Failure)
        _ = try? asked.result(as: Int.self)
        #expect(asked.unobservedError == nil)

        let marked = strand()
        marked.keepError(Failure())
        #expect(marked.unobservedError is Failure)
        marked.markObserved()
        #expect(marked.unobservedError == nil)

        let fine = strand()
        fine.keepResult { 1 }
        #expect(fine.unobservedError == nil)
    }

    @Test func `the end of a strand that was cancelled is not an unobserved error`() {
        let cancelled = strand()
        cancelled.cancel()
        cancelled.keepError(CancellationError())
        #expect(cancelled.unobservedError == nil)
        // Without having been cancelled, it is one like any other.
        let other = strand()
        other.keepError(CancellationError())
        #expect(other.unobservedError is CancellationError)
    }

    @Test func `an error is the end's only after the end`() {
        let strand = strand()
        strand.keepError(Failure())
        #expect(strand.errorAfterEnd == nil)
        strand.finish()
        #expect(strand.errorAfterEnd is Failure)
    }

    @Test func `asking before there is a result traps`() async {
        await #expect(processExitsWith: .failure) {
            let strand = ThreadStrand(name: "early", isDaemon: true)
            _ = try strand.result(as: Int.self)
        }
    }
}
