/// The name of an object in messages: the name that the program gave it, or else the place where it
/// was made.
public struct ObjectLabel: Sendable, CustomStringConvertible {
    /// The name that the program gave the object; nil for none.
    public let name: String?
    @usableFromInline let file: StaticString
    @usableFromInline let line: UInt

    @inlinable
    public init(_ name: String?, _ file: StaticString, _ line: UInt) {
        self.name = name
        self.file = file
        self.line = line
    }

    /// Such as `jobs`, or `at Server/Main.swift:12`.
    public var description: String { name ?? "at \(file):\(line)" }
}

/// An object that strands wait for, by its label in reports.
package protocol LabelledObject: AnyObject {
    /// Constant.
    var label: ObjectLabel { get }
    /// The strand that holds it at this moment, as far as that is known.
    var holderOfWaits: StrandKey? { get }
}

extension LabelledObject {
    package var holderOfWaits: StrandKey? { nil }
}

extension Strand: LabelledObject {
    /// A strand is known by its name, whether the program gave it one or not.
    package final var label: ObjectLabel { ObjectLabel(name, "", 0) }
}
