import Foundation

/// A server under load: a child that has printed its port.
struct Server {
    let child: Child
    let port: Int

    init(_ path: String) throws {
        child = try Child(path, ["--port", "0"], cores: .program)
        do {
            let words = try child.readLine().split(separator: " ")
            guard words.count == 2, words[0] == "listening", let port = Int(words[1]) else {
                throw Child.Failure.unexpected(words.joined(separator: " "))
            }
            self.port = port
        } catch {
            child.stop()
            throw error
        }
    }

    /// The private dirty memory of the server, in bytes.
    func privateMemory() throws -> Int {
        let file = "/proc/\(child.id)/smaps_rollup"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        for line in text.split(separator: "\n") where line.hasPrefix("Private_Dirty:") {
            let words = line.split(separator: " ")
            if words.count == 3, let kibibytes = Int(words[1]) { return kibibytes * 1024 }
        }
        throw Child.Failure.unexpected(file)
    }
}
