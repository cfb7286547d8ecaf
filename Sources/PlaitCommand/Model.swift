internal import ArgumentParser

/// What each connection of a server runs on.
enum Model: String, CaseIterable, Codable, ExpressibleByArgument {
    case fiber
    case thread
    case process
}
