import Foundation

/// The programs of this package, which the build puts beside the runner.
struct Programs {
    let folder: String

    init() throws {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        folder = (own as NSString).deletingLastPathComponent
    }

    private static let scripts = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appending(path: "../../Python").standardizedFileURL.path

    /// The path of a program. Nil if it has not been built, or if it is a script and Python is not
    /// installed.
    func path(of name: String) -> String? {
        if name == "peer-python" {
            let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
            let isInstalled = folders.contains {
                FileManager.default.isExecutableFile(atPath: $0 + "/python3")
            }
            return isInstalled ? Self.scripts + "/" + name : nil
        }
        let path = folder + "/" + name
        return FileManager.default.isExecutableFile(atPath: path) ? path : nil
    }
}
