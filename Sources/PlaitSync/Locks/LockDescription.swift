extension Lock: CustomStringConvertible {
    /// The lock's state at this moment and its name or address, such as `Lock(unlocked, 0x55d0…)`.
    public var description: String {
        "\(type)(\(isLocked ? "locked" : "unlocked"), \(name ?? addressText(self)))"
    }
}
