import PlaitSync
import Testing
import TestSupport

/// A race, round by round: a first strand waits and gives up at about the time when what it waits
/// for comes; a second waits behind it for ever. Nobody else comes along who could take what was
/// lost on the first: the second hangs then, until the time limit of the test.
struct GivingUp: Sendable {
    enum Ending: CaseIterable, Sendable { case timeout, cancellation }

    /// Makes both wait. On the waker's thread, once a round.
    let close: @Sendable (_ round: Int) throws -> Void
    /// Lets the first of them go on, and the second when the first has done so or given up.
    let open: @Sendable (_ round: Int) -> Void
    /// What comes after both have ended.
    let finish: @Sendable (_ round: Int) throws -> Void
    /// Waits, at most for the limit, and gives back at once what it got.
    let hasty: Wait
    let patient: Wait

    /// A wait in both forms.
    struct Wait: Sendable {
        let blocking: @Sendable (Duration?) throws -> Void
        let suspending: @Sendable (Duration?) async throws -> Void
    }

    /// What the strands of one race meet at, a permit a step.
    private final class Meeting: Sendable {
        let (mayWait, patientMayWait) = (Meeting.point(), Meeting.point())
        let (mayOpen, mayCancel, cancelled) = (Meeting.point(), Meeting.point(), Meeting.point())
        let (ended, patientEnded) = (Meeting.point(), Meeting.point())
        let passed = Count()

        static func point() -> CountingSemaphore { CountingSemaphore(permits: 0) }

        func start(_ ending: Ending, _ round: Int) {
            if round % 2 == 0 { mayOpen.release() }
            if ending == .cancellation { mayCancel.release() }
            if round % 2 == 1 { mayOpen.release() }
        }

    }

    func run(_ kinds: (WaiterKind, WaiterKind), _ ending: Ending, rounds: Int) async throws {
        let meeting = Meeting()
        let victim = Victim(kinds.0)
        let patient = kinds.1.start(
            usesPool: true,
            {
                for _ in 0..<rounds {
                    try meeting.patientMayWait.acquire()
                    try self.patient.blocking(nil)
                    meeting.passed.add()
                    meeting.patientEnded.release()
                }
            },
            task: {
                for _ in 0..<rounds {
                    try await meeting.patientMayWait.acquire()
                    try await self.patient.suspending(nil)
                    meeting.passed.add()
                    meeting.patientEnded.release()
                }
            })
        let canceller = WaiterKind.thread.start(
            {
                for round in 0..<(ending == .cancellation ? rounds : 0) {
                    try meeting.mayCancel.acquire()
                    Stress.dawdle(round)
                    victim.cancel()
                    meeting.cancelled.release()
                }
            }, task: {})
        let waker = WaiterKind.thread.start(
            {
                for round in 0..<rounds {
                    try close(round)
                    meeting.mayWait.release()
                    meeting.patientMayWait.release()
                    try meeting.mayOpen.acquire()
                    Stress.dawdle(round / 64)
                    open(round)
                    try meeting.ended.acquire()
                    try meeting.patientEnded.acquire()
                    try finish(round)
                }
            }, task: {})
        let round = Count()
        try await victim.run(until: { $0 == rounds }) {
            try giveUp(meeting, ending, round.value)
            round.add()
        } task: {
            try await giveUp(meeting, ending, round.value)
            round.add()
        }
        try await patient.value()
        try await canceller.value()
        try await waker.value()
        #expect(meeting.passed.value == rounds)
    }

    /// Takes a permit, whatever is cancelled meanwhile.
    static func insist(on point: CountingSemaphore) {
        while true {
            do {
                try point.acquire()
                return
            } catch {}
        }
    }

    private func giveUp(_ meeting: Meeting, _ ending: Ending, _ round: Int) throws {
        GivingUp.insist(on: meeting.mayWait)
        meeting.start(ending, round)
        do { try hasty.blocking(ending == .timeout ? Stress.limit(round) : nil) } catch {}
        if ending == .cancellation {
            GivingUp.insist(on: meeting.cancelled)
            // One that comes too late is not for the next round.
            _ = try? Meeting.point().acquire(within: .zero)
        }
        meeting.ended.release()
    }

    private func giveUp(_ meeting: Meeting, _ ending: Ending, _ round: Int) async throws {
        try await meeting.mayWait.acquire()
        meeting.start(ending, round)
        do { try await hasty.suspending(ending == .timeout ? Stress.limit(round) : nil) } catch {}
        if ending == .cancellation {
            // One that comes too late is not for the next task, and this one cannot wait.
            while !meeting.cancelled.tryAcquire() { await Stress.pause() }
        }
        meeting.ended.release()
    }
}
