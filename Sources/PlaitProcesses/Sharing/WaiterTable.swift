internal import PlaitParking
internal import PlaitPlatform
internal import Synchronization

/// The waiters of several processes for something, in the order in which they came. Each sleeps on
/// a word of its own, so the table knows which waiter is woken and which has died.
///
/// The owner's lock, which processes share, guards everything but the words.
@safe
struct WaiterTable: @unchecked Sendable {
    // Sendable: see above.

    /// How many strands can wait at the same time.
    static let places = 1_024
    static let size = 64 + places * Entry.size

    enum State: UInt32 {
        case free = 0
        case waiting
        /// The waiter will go on once the process in `value` has done something.
        case chosen
        /// The waiter may go on.
        case served
        /// The waiter must go on without what it waited for.
        case refused
    }

    private enum Entry {
        static let state = 0
        static let value = 4
        static let pid = 8
        static let ticket = 16
        /// Offsets of the start times of the waiter's process and of the process in `value`.
        static let start = 24
        static let valueStart = 32
        static let size = 40
    }

    private let block: SharedBlock
    private let base: UnsafeMutableRawPointer

    /// - Parameter offset: Where the table's ``size`` bytes begin; a multiple of 8.
    init(_ block: SharedBlock, at offset: Int) {
        self.block = block
        unsafe base = unsafe block.base + offset
    }

    private var tickets: UnsafeMutablePointer<UInt64> {
        unsafe base.assumingMemoryBound(to: UInt64.self)
    }
    /// How many places have ever been used. Nobody looks at places behind them.
    private var used: UnsafeMutablePointer<Int> {
        unsafe (base + 8).assumingMemoryBound(to: Int.self)
    }
    private func field<Value>(_ place: Int, _ offset: Int) -> UnsafeMutablePointer<Value> {
        unsafe address(place, offset).assumingMemoryBound(to: Value.self)
    }
    private func word(_ place: Int) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe address(place, Entry.state).assumingMemoryBound(to: Atomic<UInt32>.self)
    }
    private func address(_ place: Int, _ offset: Int) -> UnsafeMutableRawPointer {
        unsafe base + 64 + place * Entry.size + offset
    }

    // MARK: Waiting

    /// Takes a place for a waiter of this process.
    /// - Throws: ``SharingError/tooManyWaiters(_:)``.
    func enter(_ process: ProcessMark = .current) throws(SharingError) -> Int {
        let count = usedCount
        var place = (0..<count).first { state($0) == .free }
        if place == nil && count < Self.places {
            place = count
            unsafe used.pointee = count + 1
        }
        // A waiter may have died in its place.
        guard let place = place ?? (0..<count).first(where: { !isAlive($0) }) else {
            throw .tooManyWaiters(Self.places)
        }
        unsafe tickets.pointee += 1
        unsafe field(place, Entry.ticket).pointee = unsafe tickets.pointee
        unsafe field(place, Entry.pid).pointee = process.pid
        unsafe field(place, Entry.start).pointee = process.start
        unsafe word(place).pointee.store(State.waiting.rawValue, ordering: .releasing)
        return place
    }

    /// Gives a place back.
    func leave(_ place: Int) {
        unsafe word(place).pointee.store(State.free.rawValue, ordering: .releasing)
    }

    /// The condition that the waiter at a place may go on.
    func condition(_ place: Int) -> SharedCondition {
        SharedCondition(unsafe SharedWord(word(place))) {
            switch state(place) {
            case .waiting: State.waiting.rawValue
            // The process that will serve the waiter may have died.
            case .chosen: chooser(place).isAlive ? State.chosen.rawValue : nil
            case .free, .served, .refused: nil
            }
        }
    }

    func state(_ place: Int) -> State {
        State(rawValue: unsafe word(place).pointee.load(ordering: .acquiring)) ?? .free
    }

    /// The value that came with the waiter's state.
    func value(_ place: Int) -> Int32 { unsafe field(place, Entry.value).pointee }

    private func isAlive(_ place: Int) -> Bool {
        unsafe ProcessMark(
            pid: field(place, Entry.pid).pointee, start: field(place, Entry.start).pointee
        ).isAlive
    }

    private func chooser(_ place: Int) -> ProcessMark {
        unsafe ProcessMark(
            pid: value(place), start: field(place, Entry.valueStart).pointee)
    }

    /// The number of used places, kept in range whatever a process has written there.
    private var usedCount: Int { unsafe max(0, min(used.pointee, Self.places)) }

    // MARK: Serving

    /// The places of the waiters in a state, oldest first. Places of dead waiters are freed.
    func places(in wanted: State, atMost limit: Int = .max) -> [Int] {
        let places = (0..<usedCount).filter { state($0) == wanted }
        var living: [Int] = []
        for place in places.sorted(by: { ticket($0) < ticket($1) }) where living.count < limit {
            if isAlive(place) { living.append(place) } else { leave(place) }
        }
        return living
    }

    private func ticket(_ place: Int) -> UInt64 { unsafe field(place, Entry.ticket).pointee }

    /// Makes a waiter wait until this process has acted for it.
    func choose(_ place: Int) {
        unsafe field(place, Entry.valueStart).pointee = ProcessMark.current.start
        tell(place, .chosen, processID())
    }

    /// Gives a waiter a new state and wakes it.
    func tell(_ place: Int, _ state: State, _ value: Int32 = 0) {
        unsafe field(place, Entry.value).pointee = value
        unsafe word(place).pointee.store(state.rawValue, ordering: .sequentiallyConsistent)
        unsafe SharedWord(word(place)).wake(count: .max)
    }
}
