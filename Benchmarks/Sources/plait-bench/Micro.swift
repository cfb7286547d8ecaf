/// A small subject that programs measure by themselves.
struct Micro: Hashable {
    /// The argument of `ours-micro`.
    let subject: String
    var program = "ours-micro"
    var floor: Command?
    var peer: Command?
    var go: Command?
    var cores = Child.Cores.program
    /// Whether threads do private work in between. Programs then get the amount, so that all of
    /// them do the same.
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
