/// Recursion that needs stack, and that no optimizer turns into a loop.
enum Recursion {
    /// Returns `depth`, having called itself so often with 512 bytes of locals each time, and
    /// `bottom` at the end.
    static func descend(to depth: Int, _ bottom: () -> Void = {}) -> Int {
        var locals = InlineArray<64, Int>(repeating: depth + 1)
        return unsafe withUnsafePointer(to: &locals) { caller in
            unsafe caller.withMemoryRebound(to: Int.self, capacity: 64) { caller in
                unsafe descend(to: depth, below: caller, bottom)
            }
        }
    }

    /// Reads its caller's locals, so that they have to exist.
    @inline(never)
    private static func descend(
        to depth: Int, below caller: UnsafePointer<Int>, _ bottom: () -> Void
    ) -> Int {
        if depth == 0 {
            bottom()
            return 0
        }
        var locals = InlineArray<64, Int>(repeating: depth)
        return unsafe withUnsafePointer(to: &locals) { own in
            unsafe own.withMemoryRebound(to: Int.self, capacity: 64) { own in
                let rest = unsafe descend(to: depth - 1, below: own, bottom)
                return unsafe rest + caller[depth % 64] - depth
            }
        }
    }
}
