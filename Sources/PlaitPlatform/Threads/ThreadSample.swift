internal import CPlaitLinux

/// What a thread was doing at one moment, as another thread sees it.
package struct ThreadSample: Sendable {
    package let trace: StackTrace
    /// The number of the fiber that ran; nil if none did.
    package let fiber: UInt64?
    /// The name that the program gave the fiber, if it did, cut to 127 bytes.
    package let fiberName: String?
    /// The addresses of the `Strand` that ran and of the thread's `Hub`. Use them only for
    /// comparison, since both objects may be gone.
    package let strand: UInt
    package let hub: UInt

    /// Looks at the thread; see ``StackTrace/capture(ofThread:within:)``.
    package init?(ofThread kernelID: Int32, within limit: Duration, depth: Int = 64) {
        var owner = unsafe plait_stack_owner()
        let deadline = Deadline(within: limit).nanoseconds
        let addresses = unsafe [UInt](unsafeUninitializedCapacity: depth) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            count = max(
                0, Int(unsafe plait_stack_of_thread(kernelID, deadline, base, depth, &owner)))
        }
        // Even a thread that does nothing has at least one address.
        guard !addresses.isEmpty else { return nil }
        trace = StackTrace(addresses: addresses, beginsExactly: true)
        let number = unsafe owner.fiber_number
        fiber = number == 0 ? nil : number
        let name = unsafe withUnsafeBytes(of: &owner.fiber_name) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        fiberName = name.isEmpty ? nil : name
        strand = unsafe UInt(bitPattern: owner.strand)
        hub = unsafe UInt(bitPattern: owner.hub)
    }
}

/// Lets others take samples of the calling thread, even if it inherited a mask that blocks all
/// signals, as the threads of the runtime's pool do.
package func allowThreadSamples() { plait_stack_allow() }
