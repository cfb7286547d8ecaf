internal import PlaitParking

// How messages name things.

/// The object's address, which identifies it.
func addressText(_ object: AnyObject) -> String {
    "0x" + String(UInt(bitPattern: ObjectIdentifier(object)), radix: 16)
}

/// The caller, such as `strand thread-3` or `task 17`, by its name if it has one.
func nameOfCaller() -> String {
    let caller = StrandKey.current
    if !caller.isTask { return "strand \(Strand.current.name)" }
    return Task.name.map { "task \($0)" } ?? taskName(caller)
}

/// The name of a task that is not the running one.
func taskName(_ key: StrandKey) -> String {
    "task \(key.bits & ~(1 << 63))"
}
