internal import PlaitPlatform

/// Keeps the objects alive to which an encoded value refers, while the value is on its way.
///
/// A reference to something in a third process puts a hold in here when it is encoded. The receiver
/// takes a hold of its own when it decodes the reference.
package final class Loans: Sendable {
    /// The loans of values whose arrival the sender does not see, such as results and items of
    /// queues. The third process keeps the objects until somebody takes them over.
    package static let unwatched = Loans(isWatched: false)

    /// Whether the sender learns when the value has arrived, or cannot arrive any more.
    package let isWatched: Bool
    private let holds = Guarded<[any AnyObject & Sendable]>([])

    package convenience init() { self.init(isWatched: true) }

    private init(isWatched: Bool) { self.isWatched = isWatched }

    /// The loans of an encoding; nil if the destination of the bytes is unknown.
    package static func of(_ userInfo: [CodingUserInfoKey: Any]) -> Loans? {
        userInfo[.loans] as? Loans ?? (userInfo[.descriptors] as? DescriptorBag)?.loans
    }

    /// Keeps a hold as long as this object lives. Called on watched loans only.
    package func keep(_ hold: some AnyObject & Sendable) { holds.withLock { $0.append(hold) } }

    var isEmpty: Bool { holds.withLock { $0.isEmpty } }
}

extension CodingUserInfoKey {
    static let loans = CodingUserInfoKey(rawValue: "plait.loans")!
}

extension CodingContext {
    /// The context of values whose arrival the sender does not see.
    static let unwatched = CodingContext(.loans, Loans.unwatched)

    init(_ loans: Loans) { self.init(.loans, loans) }
}
