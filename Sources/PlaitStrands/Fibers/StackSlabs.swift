internal import PlaitPlatform

/// The address space of a pool's stacks, in slabs of 16 to 64 stacks. Many stacks take few system
/// calls, and a wholly unused slab can go back to the kernel in one slice, with its page tables.
@safe
struct StackSlabs {
    @safe
    private struct Slab {
        /// The address space of this slab; `release` unmaps it.
        let memory: UnsafeMutableRawPointer
        let count: Int
        /// How many stacks have been cut.
        var cut = 0
        /// One bit for each stack that nobody uses and whose memory was given back.
        var cold: UInt64 = 0
    }

    /// A stack, with the number of its slab.
    struct Place {
        let slab: Int
        let index: Int
    }

    /// The slabs; nil for a released slab.
    private var slabs: [Slab?] = []
    /// The numbers of the released slabs.
    private var released: [Int] = []
    /// The slab from which stacks are cut; nil if there is none.
    private var last: Int?
    /// Slabs that may have cold stacks. Some of them may have none any more.
    private var withCold: [Int] = []
    private(set) var coldCount = 0

    private static let most = 64

    func address(of place: Place, stride: Int) -> UnsafeMutableRawPointer {
        guard let slab = slabs[place.slab] else {
            preconditionFailure("a stack of a slab that was released")
        }
        return unsafe slab.memory + place.index * stride
    }

    /// Cuts a stack that was never used.
    mutating func cut(stride: Int) throws(SystemError) -> Place {
        if let last, let place = cut(from: last) { return place }
        // Few stacks take little address space.
        let count = min(16 << min(slabs.count, 2), StackSlabs.most)
        let slab = unsafe Slab(memory: try Memory.reserve(bytes: count * stride), count: count)
        let number: Int
        if let free = released.popLast() {
            number = free
            slabs[free] = slab
        } else {
            number = slabs.count
            slabs.append(slab)
        }
        last = number
        guard let place = cut(from: number) else { preconditionFailure("an empty slab") }
        return place
    }

    private mutating func cut(from number: Int) -> Place? {
        guard let slab = slabs[number], slab.cut < slab.count else { return nil }
        slabs[number]!.cut += 1
        return Place(slab: number, index: slab.cut)
    }

    /// Takes one of the cold stacks.
    mutating func takeCold() -> Place? {
        while let number = withCold.last {
            if let cold = slabs[number]?.cold, cold != 0 {
                let index = cold.trailingZeroBitCount
                slabs[number]!.cold &= ~(1 << UInt64(index))
                if slabs[number]!.cold == 0 { withCold.removeLast() }
                coldCount -= 1
                return Place(slab: number, index: index)
            }
            withCold.removeLast()
        }
        return nil
    }

    /// Notes that a stack's memory was given back. Releases the slab if that was its last stack,
    /// unless it is the first slab, which is the smallest.
    mutating func noteCold(_ address: UnsafeMutableRawPointer, in number: Int, stride: Int) {
        guard var slab = slabs[number] else {
            preconditionFailure("a stack of a slab that was released")
        }
        if slab.cold == 0 { withCold.append(number) }
        let index = unsafe (address - slab.memory) / stride
        slab.cold |= 1 << UInt64(index)
        coldCount += 1
        guard number > 0 && slab.cold.nonzeroBitCount == slab.cut else {
            slabs[number] = slab
            return
        }
        coldCount -= slab.cut
        slabs[number] = nil
        released.append(number)
        if last == number { last = nil }
        unsafe Memory.release(slab.memory, bytes: slab.count * stride)
    }

    /// Gives everything back. Called when no stack is used.
    mutating func releaseAll(stride: Int) {
        slabs.forEach { slab in
            guard let slab = slab else { return }
            unsafe Memory.release(slab.memory, bytes: slab.count * stride)
        }
        self = StackSlabs()
    }
}
