internal import Foundation
internal import PlaitMachine

/// Compiled programs, each in a file beside its source, like Python's `.pyc`.
///
/// A file is valid while the source has the bytes from which the file was made, whatever the time
/// stamps say. A file that is stale, damaged or of another version is made again. If a file cannot
/// be written, the program runs without it.
struct BytecodeCache {
    enum Origin: String { case cached, compiled }

    let source: URL

    init(path: String) { source = URL(fileURLWithPath: path) }

    /// The file, such as `count.labc` for `count.lab`.
    var file: URL { URL(fileURLWithPath: source.path + "c") }

    /// The program, read from its file or compiled.
    /// - Throws: `CommandFailure` if the source cannot be read; ``ProgramError``.
    func load() throws -> (Bytecode, Origin) {
        guard let data = try? Data(contentsOf: source) else {
            throw CommandFailure("cannot read \(source.path)")
        }
        let bytes = [UInt8](data)
        if let kept = try? Data(contentsOf: file),
            let bytecode = BytecodeFile.decode([UInt8](kept), source: bytes)
        {
            return (bytecode, .cached)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure("\(source.path) is not UTF-8")
        }
        let bytecode = try Bytecode.compile(text)
        // Write under another name and then rename, so that a reader finds the old file or the new
        // one, and never half a file.
        let file = Data(BytecodeFile.encode(bytecode, source: bytes))
        try? file.write(to: self.file, options: .atomic)
        return (bytecode, .compiled)
    }
}
