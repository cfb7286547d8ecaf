extension Lock: CustomStringConvertible {
    /// The lock's state at this moment, and its name or where it was made, such as `Lock(unlocked,
    /// accounts)`.
    public var description: String {
        "\(type)(\(isLocked ? "locked" : "unlocked"), \(label))"
    }
}
