public import PlaitParking
internal import Synchronization

/// A ``select(within:_:)`` in progress, which its cases enter. Opaque.
///
/// Like Go's select, it takes the locks of all its channels, in the order of their addresses, and
/// looks at the cases in a random order. If none is ready, it queues one member of a waiter group
/// for each case (see WaiterGroup.swift), unlocks and parks. The counterpart that comes first
/// settles the group, and leaves or takes an item in the place of that case.
@safe
public struct Selection {
    /// Lies in the frame of the select, or in a task's heap memory, and lives as long as the
    /// select.
    @usableFromInline let line: UnsafeMutablePointer<SelectLine>

    @inlinable
    init(_ line: UnsafeMutablePointer<SelectLine>) { unsafe self.line = unsafe line }
}

/// What a select does with one of its seats.
@usableFromInline
enum SelectStep { case lock, unlock, attempt, enrol, withdraw }

/// The head of a ``ChannelSeat``: one case of a select, whatever the type of its items.
@unsafe
@usableFromInline
struct SelectSeat: ~Copyable {
    /// It is the first field, so its address is that of the seat.
    @usableFromInline var node = unsafe WaiterNode(ofGroup: ())
    /// The channel's address.
    @usableFromInline let channel: UInt
    /// Captures nothing. The code that makes the case specialises it for the channel's items.
    @usableFromInline let perform: (UnsafeMutablePointer<SelectSeat>, SelectStep) -> ChannelAttempt
    @usableFromInline var nextToTry: UnsafeMutablePointer<SelectSeat>?
    @usableFromInline var nextToLock: UnsafeMutablePointer<SelectSeat>?

    @inlinable
    init(
        channel: UInt,
        perform: @escaping (UnsafeMutablePointer<SelectSeat>, SelectStep) -> ChannelAttempt
    ) {
        unsafe self.channel = channel
        unsafe self.perform = unsafe perform
        unsafe nextToTry = nil
        unsafe nextToLock = nil
    }
}

/// The seats of one select.
@unsafe
@usableFromInline
struct SelectLine {
    /// The seats in a random order, so that each of several ready cases has its turn.
    var toTry: UnsafeMutablePointer<SelectSeat>?
    /// The seats in the order of their channels' addresses, so that no two selects wait for each
    /// other's locks.
    var toLock: UnsafeMutablePointer<SelectSeat>?
    var count = 0
    /// The case that was chosen.
    @usableFromInline var winner: UnsafeMutablePointer<SelectSeat>?
    var random: UInt64

    /// Numbers the selects of the process. Their random orders differ, but a run with the same
    /// schedule repeats them.
    private static let turns = Atomic<UInt64>(0)

    @usableFromInline
    init() {
        unsafe toTry = nil
        unsafe toLock = nil
        unsafe winner = nil
        let turn = unsafe SelectLine.turns.wrappingAdd(1, ordering: .relaxed).oldValue
        // splitmix64: neighbouring turns give unrelated numbers, none of which is 0 for xorshift.
        var mixed = (turn &+ 1) &* 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        unsafe random = (mixed ^ (mixed >> 31)) | 1
    }

    /// A number below `bound`: xorshift64.
    private mutating func draw(below bound: Int) -> Int {
        unsafe random ^= unsafe random << 13
        unsafe random ^= unsafe random >> 7
        unsafe random ^= unsafe random << 17
        return unsafe Int((random >> 32) % UInt64(bound))
    }

    mutating func add(_ seat: UnsafeMutablePointer<SelectSeat>) {
        unsafe count += 1
        unsafe addToTry(seat)
        unsafe addToLock(seat)
    }

    private mutating func addToTry(_ seat: UnsafeMutablePointer<SelectSeat>) {
        // Insert behind a random number of others, from none to all, so that every order is equally
        // likely.
        var before: UnsafeMutablePointer<SelectSeat>?
        var next = unsafe toTry
        for _ in 0..<(unsafe draw(below: count)) {
            unsafe before = next
            unsafe next = next.unsafelyUnwrapped.pointee.nextToTry
        }
        unsafe seat.pointee.nextToTry = next
        if let before = unsafe before {
            unsafe before.pointee.nextToTry = seat
        } else {
            unsafe toTry = seat
        }
    }

    private mutating func addToLock(_ seat: UnsafeMutablePointer<SelectSeat>) {
        var before: UnsafeMutablePointer<SelectSeat>?
        var next = unsafe toLock
        while let other = unsafe next, unsafe other.pointee.channel < seat.pointee.channel {
            unsafe before = other
            unsafe next = other.pointee.nextToLock
        }
        unsafe seat.pointee.nextToLock = next
        if let before = unsafe before {
            unsafe before.pointee.nextToLock = seat
        } else {
            unsafe toLock = seat
        }
    }
}
