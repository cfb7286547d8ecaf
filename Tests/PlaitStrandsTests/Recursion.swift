/// Recursion that needs stack, and that no optimizer turns into a loop.
enum Recursion {
    /// Returns `depth`, having called itself so often with 512 bytes of locals each time, and
    /// `bottom` at the end.
    static func descend(to depth: Int, _ bottom: () -> Void = {}) -> Int {
        unsafe descend(to: depth, below: nil, bottom)
    }

    @inline(never)
    private static func descend(
        to depth: Int, below caller: UnsafeRawPointer?, _ bottom: () -> Void
    ) -> Int {
        if depth == 0 {
            bottom()
            return 0
        }
        var locals = InlineArray<64, Int>(repeating: depth)
        return unsafe withUnsafeMutablePointer(to: &locals) { pointer in
            let rest = unsafe descend(
                to: depth - 1, below: UnsafeRawPointer(pointer), bottom)
            return unsafe rest + 1 + pointer.pointee[0] - depth
        }
    }
}
