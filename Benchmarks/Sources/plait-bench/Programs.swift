import Foundation

/// The programs of this package, which the build puts beside the runner.
struct Programs {
    let folder: String

    init() throws {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        folder = (own as NSString).deletingLastPathComponent
    }

    /// Nil if the program has not been built.
    func path(of name: String) -> String? {
        let path = folder + "/" + name
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }
}
