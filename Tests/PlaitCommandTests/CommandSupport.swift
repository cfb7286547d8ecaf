import Foundation
import Plait
import Testing

/// The command `plait` that was built beside the tests, run with pipes; dies with the tests.
func plait(_ arguments: String...) throws -> ChildProcess {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let path = URL(fileURLWithPath: tests).deletingLastPathComponent().appending(path: "plait")
    var options = ChildProcess.Options()
    options.input = .null
    options.output = .pipe
    options.errorOutput = .pipe
    options.parentDeathSignal = .kill
    options.hasOwnGroup = true
    return try ChildProcess.start(path.path(), arguments, options)
}

/// The address that a server has printed.
func address(of server: ChildProcess) throws -> SocketAddress {
    let line = try #require(try server.output!.readLine(within: .seconds(20)))
    let words = line.split(separator: " ")
    try #require(words.count == 3 && line.hasPrefix("listening on 127.0.0.1:"))
    let port = try #require(Int(words[2].split(separator: ":")[1]))
    return try #require(SocketAddress(ip: "127.0.0.1", port: port))
}

/// Whether a process runs with this among its arguments.
func isRunning(withArgument argument: String) -> Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.contains { name in
        guard Int32(name) != nil,
            let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
        else { return false }
        return line.split(separator: 0).contains { $0.elementsEqual(argument.utf8) }
    }
}
