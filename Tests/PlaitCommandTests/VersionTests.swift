import Foundation
import Plait
import TestSupport
import Testing

@Suite(.timeLimit(.hang))
struct VersionTests {
    @Test func `the command says its version, which the list of changes begins with`() async throws
    {
        let result = try await onThread { try plait("--version").communicate() }
        let version = try result.text.trimmingCharacters(in: .whitespacesAndNewlines)
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../../CHANGELOG.md")
        let changes = try String(contentsOf: file, encoding: .utf8)
        let first = changes.split(separator: "\n").first { $0.hasPrefix("## ") }
        #expect(first == "## \(version)")
    }
}
