internal import PlaitParking

// How messages name things.

/// Which object it is: its address.
func addressText(_ object: AnyObject) -> String {
    "0x" + String(UInt(bitPattern: ObjectIdentifier(object)), radix: 16)
}

/// Who runs: `strand thread-3`, or `task 17`, by its name if it has one.
func nameOfCaller() -> String {
    let caller = StrandKey.current
    if !caller.isTask { return "strand \(Strand.current.name)" }
    return Task.name.map { "task \($0)" } ?? taskName(caller)
}

/// What a task is called that is not the running one.
func taskName(_ key: StrandKey) -> String {
    "task \(key.bits & ~(1 << 63))"
}
