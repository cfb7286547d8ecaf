/// A program of this package with its arguments.
struct Command: Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
    let program: String
    let arguments: [String]

    /// The words of `text`, the program first.
    init(_ text: String) {
        let words = text.split(separator: " ").map(String.init)
        program = words.first ?? ""
        arguments = Array(words.dropFirst())
    }

    init(stringLiteral text: String) { self.init(text) }

    var description: String { ([program] + arguments).joined(separator: " ") }
}
