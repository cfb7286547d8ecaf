/// Bytecode in the form of a file: a magic word, the version, a hash of the source, a check sum,
/// and the code. All numbers are little-endian.
package enum BytecodeFile {
    private static let magic: [UInt8] = Array("PLBC".utf8)

    /// The version. It changes by itself with the layout and with the machine's opcodes.
    package static let version = Hash64.of(
        Array("layout 1 \(Opcode.allCases.map(\.mnemonic))".utf8))

    package static func encode(_ bytecode: Bytecode, source: [UInt8]) -> [UInt8] {
        var body = Writer()
        body.add(bytecode.globalNames)
        body.add(bytecode.functions.count)
        for function in bytecode.functions {
            body.add(function.name)
            body.add(function.parameterCount)
            body.add(function.localNames)
            body.add(function.constants.count)
            for constant in function.constants { body.add(constant) }
            body.add(function.code.count)
            for instruction in function.code {
                body.bytes.append(instruction.opcode.rawValue)
                body.add(Int(instruction.argument))
                body.add(Int(instruction.line))
            }
        }
        var file = Writer()
        file.bytes = magic
        file.add(version)
        file.add(source.count)
        file.add(Hash64.of(source))
        file.add(Hash64.of(body.bytes))
        file.bytes += body.bytes
        return file.bytes
    }

    /// Reads a file. Returns nil if the file has another version, was made from another source, or
    /// is damaged.
    package static func decode(_ bytes: [UInt8], source: [UInt8]) -> Bytecode? {
        var file = Reader(bytes)
        guard file.take(magic.count) == magic[...], file.word() == version,
            file.integer() == source.count, file.word() == Hash64.of(source),
            let sum = file.word()
        else { return nil }
        let body = Array(file.rest)
        guard Hash64.of(body) == sum else { return nil }
        var reader = Reader(body)
        guard let bytecode = reader.bytecode(), reader.rest.isEmpty, bytecode.isSound else {
            return nil
        }
        return bytecode
    }

    private struct Writer {
        var bytes: [UInt8] = []

        mutating func add(_ word: UInt64) {
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }

        mutating func add(_ integer: Int) { add(UInt64(bitPattern: Int64(integer))) }

        mutating func add(_ text: String) {
            add(text.utf8.count)
            bytes += text.utf8
        }

        mutating func add(_ texts: [String]) {
            add(texts.count)
            for text in texts { add(text) }
        }

        mutating func add(_ constant: Constant) {
            switch constant {
            case .none: bytes.append(0)
            case .integer(let value):
                bytes.append(1)
                add(value)
            case .text(let text):
                bytes.append(2)
                add(text)
            }
        }
    }

    /// Reads the output of a ``Writer``. Every read past the end returns nil.
    private struct Reader {
        private(set) var rest: ArraySlice<UInt8>

        init(_ bytes: [UInt8]) { rest = bytes[...] }

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard (0...rest.count).contains(count) else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }

        mutating func byte() -> UInt8? { take(1)?.first }

        mutating func word() -> UInt64? {
            take(8)?.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }

        mutating func integer() -> Int? { word().map { Int(truncatingIfNeeded: $0) } }

        mutating func text() -> String? {
            guard let count = integer(), let bytes = take(count) else { return nil }
            return String(validating: bytes, as: UTF8.self)
        }

        /// Reads a list of elements; each takes at least one byte.
        mutating func list<Element>(_ element: (inout Reader) -> Element?) -> [Element]? {
            guard let count = integer(), (0...rest.count).contains(count) else { return nil }
            var elements: [Element] = []
            for _ in 0..<count {
                guard let next = element(&self) else { return nil }
                elements.append(next)
            }
            return elements
        }

        mutating func constant() -> Constant? {
            switch byte() {
            case 0: Constant.none
            case 1: integer().map { .integer($0) }
            case 2: text().map { .text($0) }
            default: nil
            }
        }

        mutating func instruction() -> Instruction? {
            guard let opcode = byte().flatMap({ Opcode(rawValue: $0) }),
                let argument = integer().flatMap({ Int32(exactly: $0) }),
                let line = integer().flatMap({ Int32(exactly: $0) })
            else { return nil }
            return Instruction(opcode: opcode, argument: argument, line: line)
        }

        mutating func bytecode() -> Bytecode? {
            guard let globals = list({ $0.text() }) else { return nil }
            let functions = list { reader -> CompiledFunction? in
                guard let name = reader.text(), let parameters = reader.integer(),
                    let locals = reader.list({ $0.text() }),
                    let constants = reader.list({ $0.constant() }),
                    let code = reader.list({ $0.instruction() })
                else { return nil }
                return CompiledFunction(
                    name: name, parameterCount: parameters, localNames: locals,
                    constants: constants, code: code)
            }
            return functions.map { Bytecode(functions: $0, globalNames: globals) }
        }
    }
}

/// FNV-1a of 64 bits. It protects against accidents, and not against people.
package enum Hash64 {
    package static func of(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}
