package import PlaitPlatform

/// The descriptors that go to another process together with a value. The value knows them by their
/// places.
///
/// Encoding a shared object puts its descriptor in; decoding one takes a copy out.
package final class DescriptorBag: @unchecked Sendable {
    // Sendable: used by one encoding, sending, or decoding at a time.

    /// The descriptors. If the bag owns them, they are open as long as it lives.
    private(set) var numbers: [Int32] = []
    private let ownsThem: Bool
    /// The other objects to which the value refers.
    let loans: Loans

    /// A bag for encoding. The shared objects keep their descriptors.
    init() {
        ownsThem = false
        loans = Loans()
    }

    /// A bag for decoding. Takes over received descriptors.
    convenience init(owning numbers: [Int32]) { self.init(owning: numbers, Loans()) }

    private init(owning numbers: [Int32], _ loans: Loans) {
        self.numbers = numbers
        self.loans = loans
        ownsThem = true
    }

    /// A bag with copies of another bag's descriptors.
    convenience init(copying other: DescriptorBag) throws(SystemError) {
        self.init(owning: [], other.loans)
        for number in other.numbers { numbers.append(try Processes.duplicate(number).release()) }
    }

    deinit {
        if ownsThem { for number in numbers { closeDescriptor(number) } }
    }

    /// The bag of an encoding or decoding.
    /// - Throws: ``SharingError/notOnTheWay(_:)`` if there is none.
    package static func of(
        _ userInfo: [CodingUserInfoKey: Any], for object: String
    ) throws(SharingError) -> DescriptorBag {
        guard let bag = userInfo[.descriptors] as? DescriptorBag else {
            throw .notOnTheWay(object)
        }
        return bag
    }

    /// Puts a descriptor in and returns its place.
    package func put(_ number: Int32) -> Int {
        numbers.append(number)
        return numbers.count - 1
    }

    /// A copy of the descriptor at a place. The caller owns the copy.
    package func copy(_ place: Int) throws -> Descriptor {
        guard numbers.indices.contains(place) else { throw ConnectionError.malformed }
        return try Processes.duplicate(numbers[place])
    }
}

extension CodingUserInfoKey {
    static let descriptors = CodingUserInfoKey(rawValue: "plait.descriptors")!
}

/// Why an object could not be shared, or not be used in the other process.
public enum SharingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The object was encoded, but not into the input of a process that is being started.
    case notOnTheWay(String)
    /// The memory does not hold such an object: it belongs to another program or another version.
    case malformed(String)
    /// This many strands wait for the object already, and no more can.
    case tooManyWaiters(Int)

    public var description: String {
        switch self {
        case .notOnTheWay(let object):
            "a \(object) goes only into the input of a process or of a pool's initializer"
        case .malformed(let object): "the shared memory is not that of a \(object)"
        case .tooManyWaiters(let most): "\(most) strands wait already: no more can"
        }
    }
}
