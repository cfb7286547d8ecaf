import Foundation

/// The programs of this package, which the build puts beside the runner.
struct Programs {
    private let directory: String

    init() throws {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        directory = (own as NSString).deletingLastPathComponent
    }

    /// Nil if the program has not been built.
    func path(of name: String) -> String? {
        let path = directory + "/" + name
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }
}
