import Foundation

/// The Go toolchain. Go's program takes part if it is installed. Nothing else needs it.
struct GoToolchain {
    private static let sources = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appending(path: "../../Go").standardizedFileURL.path

    /// Nil if Go is not installed.
    init?() {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        let isInstalled = folders.contains {
            FileManager.default.isExecutableFile(atPath: $0 + "/go")
        }
        guard isInstalled else { return nil }
    }

    /// Builds `go-micro` into a folder, in which Go keeps its cache too.
    func build(into folder: String) throws {
        let settings = ["GOTOOLCHAIN=local", "GOWORK=off", "GOCACHE=\(folder)/go-cache"]
        let build = ["go", "build", "-buildvcs=false", "-o", "\(folder)/go-micro", "."]
        let child = try Child(
            "/usr/bin/env", ["-C", Self.sources] + settings + build, cores: .both)
        try child.finish(within: .seconds(300))
    }
}
