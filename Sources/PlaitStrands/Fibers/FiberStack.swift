internal import CPlaitLinux
internal import CPlaitSwitch
internal import PlaitPlatform

/// The stack of one fiber: a guard, and above it the bytes that the fiber may use. The highest of
/// these bytes hold the ``FiberStack/Header``.
@safe
struct FiberStack {
    /// State that is used while the stack is switched, and so must not live in a Swift object.
    @unsafe
    struct Header {
        var context: plait_context
        var note: plait_stack_note
    }

    /// Memory of a StackPool's slab. It belongs to this fiber until the stack goes back to the
    /// pool.
    let header: UnsafeMutablePointer<Header>
    /// The lowest address that the fiber may use. The guard lies below it.
    let address: UnsafeMutableRawPointer
    /// How many bytes the fiber may use.
    let size: Int
    /// Which slab of its pool it is cut from.
    let slab: Int

    /// The size of a guard in bytes. A frame of at most this size that leaves the stack hits the
    /// guard.
    static let guardSize = 65_536

    /// - Parameter low: Where the guard begins.
    init(low: UnsafeMutableRawPointer, size: Int, slab: Int) {
        unsafe address = low + FiberStack.guardSize
        self.size = size
        self.slab = slab
        let offset = unsafe (size - MemoryLayout<Header>.size) & ~63
        unsafe header = (address + offset).assumingMemoryBound(to: Header.self)
    }

    /// Where the guard begins.
    var guardAddress: UnsafeMutableRawPointer { unsafe address - FiberStack.guardSize }

    var context: UnsafeMutablePointer<plait_context> {
        unsafe UnsafeMutableRawPointer(header).assumingMemoryBound(to: plait_context.self)
    }

    var note: UnsafePointer<plait_stack_note> {
        unsafe UnsafePointer(withUnsafeMutablePointer(to: &header.pointee.note) { unsafe $0 })
    }

    /// The address from which the stack grows down.
    private var top: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(header) }

    /// Prepares the stack to run `entry(argument)`.
    func prepare(
        number: UInt64, name: UnsafePointer<CChar>?,
        entry: @convention(c) (UnsafeMutableRawPointer) -> Void, argument: UnsafeMutableRawPointer
    ) {
        unsafe header.pointee.note = unsafe plait_stack_note(
            guard_low: UInt(bitPattern: guardAddress), guard_high: UInt(bitPattern: address),
            size: size,
            fiber_number: number, fiber_name: name)
        unsafe plait_context_make(context, guardAddress, top, entry, argument)
    }

    /// Whether the calling fiber has left its stack. Asked only if the stack has no guard.
    var hasOverflowed: Bool {
        var here: UInt8 = 0
        return unsafe withUnsafeMutablePointer(to: &here) {
            unsafe UnsafeMutableRawPointer($0) < address
        }
    }
}
