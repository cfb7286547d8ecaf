/// Something small that programs measure of themselves.
struct Micro: Hashable {
    /// What `ours-micro` is told.
    let subject: String
    var program = "ours-micro"
    var floor: Command?
    var peer: Command?
    var go: Command?
    var cores = Child.Cores.program
    /// Whether threads work for themselves in between: then programs are told how much, so that all
    /// of them do the same.
    var hasWork = false

    func command(of contestant: Contestant) -> Command? {
        switch contestant {
        case .ours: Command("\(program) \(subject)")
        case .floor: floor
        case .peer: peer
        case .go: go
        }
    }
}
