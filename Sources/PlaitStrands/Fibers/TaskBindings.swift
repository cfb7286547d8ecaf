internal import CPlaitSwitch

/// The task-local values that are bound where a strand or a piece of work was started, to be bound
/// where it runs.
///
/// Swift keeps the values that are bound outside of a task for each thread. Plait keeps them for
/// each fiber (see `plait_words.h`), and what a strand starts begins with its starter's. What a
/// Swift task starts does not: a task's values are in the task, which only the runtime reads.
struct TaskBindings: Sendable {
    private struct Binding: Sendable {
        /// The address of the `TaskLocal`, which lives for ever.
        let key: UInt
        let value: any BoundValue
    }

    /// The innermost first.
    private let bindings: [Binding]

    /// Those of the calling strand; nil where it has none.
    @inline(__always)
    static func captured() -> TaskBindings? {
        plait_bindings_any() == 0 ? nil : TaskBindings()
    }

    /// Runs `body` without any: for starting what outlives its starter's request.
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
    // Sendable: the values of task-locals are, though the runtime's record of their types does not
    // say so.
    private let value: Value

    /// - Parameter place: The value lies there, or at the next address that its alignment allows.
    init(copying place: UnsafeRawPointer) {
        value = unsafe place.alignedUp(for: Value.self).load(as: Value.self)
    }

    func bind(to key: UInt) {
        guard let key = unsafe UnsafeRawPointer(bitPattern: key) else { return }
        unsafe withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { place in
            guard let place = place.baseAddress else { return }
            unsafe place.initialize(to: value)
            // The runtime takes the value out of the place.
            unsafe plait_binding_push(
                key, place, unsafeBitCast(Value.self, to: UnsafeRawPointer.self))
        }
    }
}
