import CPlaitSwitch
import MicroSupport
import Plait

/// Ping-pong between the program's stack and another one.
func rawSwitch() -> Figure {
    let switches = 20_000_000
    let bytes = 65_536
    let stack = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
    let pair = UnsafeMutablePointer<SwitchPair>.allocate(capacity: 1)
    unsafe pair.initialize(to: SwitchPair())
    var other = unsafe plait_context()
    unsafe plait_context_make(
        &other, stack, stack + bytes,
        { argument in
            let pair = unsafe argument.assumingMemoryBound(to: SwitchPair.self)
            while true { unsafe plait_raw_switch(&pair.pointee.other, pair.pointee.main!) }
        }, pair)
    unsafe pair.pointee.other = other.stack_pointer
    func goBackAndForth(_ count: Int) {
        for _ in 0..<count / 2 { unsafe plait_raw_switch(&pair.pointee.main, pair.pointee.other!) }
    }
    goBackAndForth(2_000_000)
    return time(switches) { goBackAndForth(switches) }
}

@unsafe
private struct SwitchPair {
    var main: UnsafeMutableRawPointer?
    var other: UnsafeMutableRawPointer?
}

/// Two fibers that yield to each other.
func yield() throws -> Figure {
    try inFiber {
        let rounds = 5_000_000
        let other = spawn(.fiber) { for _ in 0..<rounds { Strand.yield() } }
        let figure = time(2 * rounds) { for _ in 0..<rounds { Strand.yield() } }
        try other.join()
        return figure
    }
}

/// Passes items there and back between two fibers through two queues of one place; the time of one
/// direction.
func handover() throws -> Figure {
    try inFiber {
        let rounds = 2_000_000
        let there = Queue<Int>(capacity: 1)
        let back = Queue<Int>(capacity: 1)
        let other = spawn(.fiber) {
            for _ in 0..<rounds { try back.put(there.get() + 1) }
        }
        let figure = try time(2 * rounds) {
            for round in 0..<rounds {
                try there.put(round)
                guard try back.get() == round + 1 else { throw WrongItem() }
            }
        }
        try other.join()
        return figure
    }
}

/// One fiber at a time, started and joined.
func spawnAndJoin() throws -> Figure {
    try inFiber {
        let rounds = 2_000_000
        func run(_ count: Int) throws {
            for _ in 0..<count {
                guard try spawn(.fiber, { 7 }).join() == 7 else { throw WrongItem() }
            }
        }
        try run(10_000)
        return try time(rounds) { try run(rounds) }
    }
}

/// Runs `body` in a fiber, with others of its kind on the same hub.
func inFiber(_ body: @escaping () throws -> Figure) throws -> Figure {
    try spawn(.fiber) { try body() }.join()
}
