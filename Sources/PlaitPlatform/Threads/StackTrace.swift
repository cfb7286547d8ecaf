internal import CPlaitLinux

/// Where a strand was: return addresses, innermost first, that are given names only when asked for.
///
/// Taking the caller's own costs about 1.2 ns a frame and 50 ns for the array that keeps it: 16
/// frames in 75 ns. Names cost a look into the files of the program: milliseconds.
package struct StackTrace: Sendable, CustomStringConvertible {
    package let addresses: [UInt]
    /// Whether the first address is where the strand was; all others are where calls return to.
    private let beginsExactly: Bool

    package init(addresses: [UInt], beginsExactly: Bool) {
        self.addresses = addresses
        self.beginsExactly = beginsExactly
    }

    /// The stack of the caller, which is the first in it, up to the entry of its fiber or thread.
    ///
    /// Walks frame pointers, which Swift keeps: C libraries that do without are left out, and a
    /// broken chain ends it. Reads nothing outside of the running stack, so that it never faults.
    /// - Parameters:
    ///   - skipping: How many of the innermost functions to leave out.
    ///   - limit: The most addresses to take.
    @inline(never)
    package static func capture(skipping: Int = 0, limit: Int = 32) -> StackTrace {
        // This function's own: its record has the caller's address.
        let frame = plait_caller_frame()
        return unsafe StackTrace(
            addresses: [UInt](unsafeUninitializedCapacity: limit) { buffer, count in
                guard let base = buffer.baseAddress else { return }
                count = unsafe plait_stack_walk(frame, base, limit, skipping)
            }, beginsExactly: false)
    }

    /// The stack of another thread of this process, whatever it does; nil if there is no such
    /// thread or it did not answer within the limit: it blocks the signal, or is ending.
    ///
    /// Interrupts the thread by a real-time signal (SIGRTMIN + 6) with SA_RESTART. System calls
    /// that Linux does not restart even so (`nanosleep`, `poll`, `epoll_wait`, see signal(7))
    /// return EINTR, or early: Plait's own waits go on. Reads up to 64 KiB of the stack. One
    /// request at a time: a second one waits for the first.
    package static func capture(
        ofThread kernelID: Int32, within limit: Duration
    ) -> StackTrace? {
        ThreadSample(ofThread: kernelID, within: limit)?.trace
    }

    /// A line a function: `name + offset (module)`, or `module+0xoffset` where there is no name, as
    /// addr2line takes it. Offsets are those of the calls, not of where they return to.
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
