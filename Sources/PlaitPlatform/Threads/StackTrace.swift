internal import CPlaitLinux

/// Where a strand was: return addresses, innermost first. Names are looked up only on demand.
///
/// A trace of the caller's own stack costs about 1.2 ns for each frame and 50 ns for the array: 16
/// frames take 75 ns. Looking up names in the files of the program takes milliseconds.
package struct StackTrace: Sendable, CustomStringConvertible {
    package let addresses: [UInt]
    /// Whether the first address is the exact place of the strand. All others are return addresses.
    private let beginsExactly: Bool

    package init(addresses: [UInt], beginsExactly: Bool) {
        self.addresses = addresses
        self.beginsExactly = beginsExactly
    }

    /// The stack of the caller, from the caller up to the entry of its fiber or thread.
    ///
    /// Walks the frame pointers, which Swift keeps. C libraries without frame pointers are missing,
    /// and a broken chain ends the walk. Reads nothing outside of the running stack, so it never
    /// faults.
    /// - Parameters:
    ///   - skipping: How many of the innermost functions to leave out.
    ///   - limit: The most addresses to take.
    @inline(never)
    package static func capture(skipping: Int = 0, limit: Int = 32) -> StackTrace {
        // This function's own frame, whose record holds the caller's address.
        let frame = plait_caller_frame()
        return unsafe StackTrace(
            addresses: [UInt](unsafeUninitializedCapacity: limit) { buffer, count in
                guard let base = buffer.baseAddress else { return }
                count = unsafe plait_stack_walk(frame, base, limit, skipping)
            }, beginsExactly: false)
    }

    /// The stack of another thread of this process, whatever that thread does. Nil if there is no
    /// such thread, or if it does not answer within the limit, because it blocks the signal or is
    /// ending.
    ///
    /// Interrupts the thread by a real-time signal (SIGRTMIN + 6) with SA_RESTART. System calls
    /// that Linux does not restart even so (`nanosleep`, `poll`, `epoll_wait`, see signal(7))
    /// return EINTR or return early; Plait's own waits go on. Reads up to 64 KiB of the stack. A
    /// second request waits for the first.
    package static func capture(
        ofThread kernelID: Int32, within limit: Duration
    ) -> StackTrace? {
        ThreadSample(ofThread: kernelID, within: limit)?.trace
    }

    /// One line for each function: `name + offset (module)`, or without a name `module+0xoffset`,
    /// as addr2line takes it. Offsets are those of the calls, not of the return addresses.
    package var lines: [String] {
        let calls = addresses.enumerated().map { index, address in
            index == 0 && beginsExactly ? address : address - 1
        }
        return unsafe withUnsafeTemporaryAllocation(
            of: plait_symbol.self, capacity: max(calls.count, 1)
        ) { symbols in
            guard let base = symbols.baseAddress else { return [] }
            unsafe plait_symbolise(calls, calls.count, base)
            return calls.indices.map { index in
                let line = unsafe StackTrace.line(of: symbols[index], at: calls[index])
                unsafe plait_symbol_free(base + index)
                return line
            }
        }
    }

    private static func line(of symbol: plait_symbol, at address: UInt) -> String {
        guard let module = unsafe symbol.module else { return hex(address) }
        let file = unsafe String(cString: module)
        guard let name = unsafe symbol.name else {
            return unsafe "\(file)+\(hex(symbol.module_offset))"
        }
        return unsafe "\(String(cString: name)) + \(symbol.offset) (\(file))"
    }

    private static func hex(_ value: UInt) -> String { "0x\(String(value, radix: 16))" }

    package var description: String { lines.joined(separator: "\n") }
}
