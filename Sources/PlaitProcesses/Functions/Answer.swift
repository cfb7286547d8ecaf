internal import PlaitPlatform

/// The result of a function as it comes from the other process: a byte that tells the kind, and the
/// contents.
package enum Answer {
    private enum Kind: UInt8 { case value, error, described }

    private struct CodedError: Codable {
        let type: TypeName
        let bytes: [UInt8]
    }

    private struct Described: Codable {
        let type: String
        let message: String
        let process: String
    }

    /// Whether the function gave a value, not an error.
    static func isValue(_ bytes: [UInt8]) -> Bool { bytes.first == Kind.value.rawValue }

    /// Runs the function on its encoded input.
    static func of(
        _ function: any ProcessFunction.Type, _ input: [UInt8], _ bag: DescriptorBag? = nil
    ) -> [UInt8] {
        do {
            return try value(function, input, bag)
        } catch {
            return of(error)
        }
    }

    /// Runs a closure in a process that has its code and its input already.
    static func of<Output: Encodable>(_ body: () throws -> Output) -> [UInt8] {
        do {
            return [Kind.value.rawValue]
                + (try MessagePackEncoder().encode(try body(), in: .unwatched))
        } catch {
            return of(error)
        }
    }

    private static func value<Function: ProcessFunction>(
        _ function: Function.Type, _ input: [UInt8], _ bag: DescriptorBag?
    ) throws -> [UInt8] {
        let input = try MessagePackDecoder().decode(Function.Input.self, from: input, with: bag)
        let output = try function.run(input)
        return [Kind.value.rawValue] + (try MessagePackEncoder().encode(output, in: .unwatched))
    }

    /// Runs the function on each item of an encoded array, up to the first that throws.
    static func ofMany(_ function: any ProcessFunction.Type, _ inputs: [UInt8]) -> [UInt8] {
        do {
            return try values(function, inputs)
        } catch {
            return of(error)
        }
    }

    private static func values<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: [UInt8]
    ) throws -> [UInt8] {
        let inputs = try PackedArray.decode(inputs[...], of: Function.Input.self)
        let outputs = try inputs.map { try function.run($0) }
        return [Kind.value.rawValue] + (try PackedArray.encode(outputs, in: .unwatched))
    }

    /// Encodes an error as an answer.
    /// - Parameter isOfProgram: Whether the answer goes to this very program. Other programs do not
    ///   find private types.
    package static func of(_ error: any Error, isOfProgram: Bool = true) -> [UInt8] {
        if let coded = error as? any Error & Codable, let type = TypeName(Swift.type(of: error)),
            isOfProgram || !type.isPrivate,
            let bytes = try? MessagePackEncoder().encode(coded),
            let all = try? MessagePackEncoder().encode(CodedError(type: type, bytes: bytes))
        {
            return [Kind.error.rawValue] + all
        }
        let described = Described(
            type: "\(Swift.type(of: error))", message: "\(error)",
            process: "\(CurrentProcess.name) (\(processID()))")
        // Encoding strings never fails.
        let bytes = (try? MessagePackEncoder().encode(described)) ?? []
        return [Kind.described.rawValue] + bytes
    }

    /// Returns the value of an answer, or throws its error.
    package static func read<Output: Decodable>(
        _ bytes: [UInt8], as type: Output.Type, in context: CodingContext? = nil, depth: Int = 32,
        isOfProgram: Bool = true
    ) throws -> Output {
        try check(bytes, isOfProgram: isOfProgram)
        return try MessagePackDecoder(depth: depth).decode(
            type, from: bytes, startingAt: 1, in: context)
    }

    /// Encodes a value as an answer.
    package static func of(
        value: some Encodable, in context: CodingContext? = nil
    ) throws -> [UInt8] {
        try MessagePackEncoder().encode(value, in: context, after: [Kind.value.rawValue])
    }

    /// Returns the values of an answer of ``ofMany(_:_:)``, or throws its error.
    static func readMany<Output: Decodable>(
        _ bytes: [UInt8], of type: Output.Type
    ) throws -> [Output] {
        try check(bytes)
        return try PackedArray.decode(bytes.dropFirst(), of: type)
    }

    /// Throws the error of an answer, if it holds one.
    /// - Parameter isOfProgram: Whether the answer comes from this very program. Private types are
    ///   found only then.
    static func check(_ bytes: [UInt8], isOfProgram: Bool = true) throws {
        let kind = bytes.first.flatMap(Kind.init(rawValue:))
        if kind == .value { return }
        let body = Array(bytes.dropFirst())
        switch kind {
        case .value: return
        case .error:
            let coded = try MessagePackDecoder().decode(CodedError.self, from: body)
            guard isOfProgram || !coded.type.isPrivate,
                let type = coded.type.resolve() as? any (Error & Decodable).Type
            else {
                throw RemoteError(
                    type: "an error", message: "of a type that is not known here",
                    process: "another process")
            }
            throw try MessagePackDecoder().decode(type, from: coded.bytes)
        case .described:
            let described = try MessagePackDecoder().decode(Described.self, from: body)
            throw RemoteError(
                type: described.type, message: described.message, process: described.process)
        case nil: throw ConnectionError.malformed
        }
    }
}
