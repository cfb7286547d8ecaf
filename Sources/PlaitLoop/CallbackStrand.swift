package import PlaitParking
internal import PlaitPlatform

/// What runs between the strands of a thread: a loop's callbacks, the jobs of its executor, and the
/// ends of objects that these let go of.
///
/// It has an identity like any strand, so that locks exclude there. It cannot wait, nor let others
/// run: either would be a round of the loop inside a round, in which events are lost and an actor
/// runs two jobs at once. Who tries ends the program with a message.
package final class CallbackStrand: Strand, @unchecked Sendable {
    // Sendable: has no state of its own.

    init() {
        super.init(
            id: StrandNumber.reserve() | StrandNumber.cannotWait, kind: .thread,
            name: "loop callback", isDaemon: true)
    }

    /// Makes it the calling thread's strand while `body` runs.
    @inline(__always)
    package func run(_ body: () -> Void) {
        let cell = ThreadCell.current
        let strand = unsafe cell.strand
        unsafe cell.strand = Unmanaged.passUnretained(self).toOpaque()
        body()
        unsafe cell.strand = unsafe strand
    }

    override package func prepare(_ waiter: Waiter, isCancellable: Bool) -> Bool {
        CallbackStrand.refuse("\(waiter.target.verb)")
    }

    /// Traps: `verb` waits or lets others run, and `Strand.currentCanWait` is false.
    package static func refuse(_ verb: String) -> Never {
        fatalError(
            """
            plait: \(verb) would wait inside a callback or task that runs on a hub's loop; \
            spawn a fiber for it, or use the async form
            """)
    }

    // It ends with each callback: there is nothing to cancel.
    override package func cancel() {}
    override package func interrupt(if isWanted: @escaping @Sendable () -> Bool) {}
    override package func retractInterrupts() {}
    override package var isCancelled: Bool { false }
}
