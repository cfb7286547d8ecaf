internal import CPlaitSwitch

/// The task-local values that were bound when a strand or a piece of work was started. They are
/// bound again where it runs.
///
/// Outside of tasks, Swift keeps such values for each thread. Plait keeps them for each fiber (see
/// `plait_words.h`), and a strand or work that a strand starts begins with the values of its
/// starter. That does not hold for strands that a Swift task starts: a task keeps its values in the
/// task itself, which only the runtime reads.
struct TaskBindings: Sendable {
    private struct Binding: Sendable {
        /// The address of the `TaskLocal`, which lives for ever.
        let key: UInt
        let value: any BoundValue
    }

    /// The bindings, the innermost first.
    private let bindings: [Binding]

    /// The values of the calling strand; nil if it has none.
    @inline(__always)
    static func captured() -> TaskBindings? {
        plait_bindings_any() == 0 ? nil : TaskBindings()
    }

    /// Runs `body` without any bindings. Use it to start what outlives the present request.
    static func without<Result>(_ body: () throws -> Result) rethrows -> Result {
        let bound = plait_bindings_exchange(0)
        defer { _ = plait_bindings_exchange(bound) }
        return try body()
    }

    private init?() {
        let count = plait_bindings_read(nil, 0)
        guard count > 0 else { return nil }
        bindings = unsafe withUnsafeTemporaryAllocation(of: plait_binding.self, capacity: count) {
            read in
            let count = unsafe plait_bindings_read(read.baseAddress, count)
            return unsafe read[..<count].map { binding in
                let type = unsafe unsafeBitCast(binding.type, to: Any.Type.self)
                func copy<Value>(_ type: Value.Type) -> any BoundValue {
                    unsafe Bound<Value>(copying: binding.place)
                }
                let key = unsafe UInt(bitPattern: binding.key)
                return Binding(key: key, value: _openExistential(type, do: copy))
            }
        }
    }

    /// Runs `body` with the values bound.
    func perform<Result>(_ body: () throws -> Result) rethrows -> Result {
        for binding in bindings.reversed() { binding.value.bind(to: binding.key) }
        defer { for _ in bindings { plait_binding_pop() } }
        return try body()
    }
}

/// A value of a task-local, whatever its type.
private protocol BoundValue: Sendable {
    func bind(to key: UInt)
}

private struct Bound<Value>: BoundValue, @unchecked Sendable {
    // Sendable: the values of task-locals are Sendable, although the runtime's record of their
    // types does not say so.
    private let value: Value

    /// - Parameter place: Where the value lies, up to the padding for its alignment.
    init(copying place: UnsafeRawPointer) {
        value = unsafe place.alignedUp(for: Value.self).load(as: Value.self)
    }

    func bind(to key: UInt) {
        guard let key = unsafe UnsafeRawPointer(bitPattern: key) else { return }
        unsafe withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { place in
            guard let place = place.baseAddress else { return }
            unsafe place.initialize(to: value)
            // The runtime moves the value out of the place.
            unsafe plait_binding_push(
                key, place, unsafeBitCast(Value.self, to: UnsafeRawPointer.self))
        }
    }
}
