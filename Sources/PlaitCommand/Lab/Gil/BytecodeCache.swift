internal import Foundation
internal import PlaitMachine

/// Compiled programs, each in a file beside its source, as Python's `.pyc`.
///
/// A file counts while the source has the bytes it was made from, whatever its time stamps say. One
/// that is stale, damaged or of another version is made anew; one that cannot be written is done
/// without.
struct BytecodeCache {
    enum Origin: String { case cached, compiled }

    let source: URL

    init(path: String) { source = URL(fileURLWithPath: path) }

    /// `count.lab` has `count.labc`.
    var file: URL { URL(fileURLWithPath: source.path + "c") }

    /// The program, from its file or compiled.
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
        // Written under another name and then renamed: a reader finds the old file or the new one,
        // never a half.
        let file = Data(BytecodeFile.encode(bytecode, source: bytes))
        try? file.write(to: self.file, options: .atomic)
        return (bytecode, .compiled)
    }
}
