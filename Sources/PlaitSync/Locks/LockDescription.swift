extension Lock: CustomStringConvertible {
    /// Its state at this moment and which one it is, such as `Lock(unlocked, 0x55d0…)`.
    public var description: String {
        "\(type)(\(isLocked ? "locked" : "unlocked"), \(name ?? addressText(self)))"
    }
}
