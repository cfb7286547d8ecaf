package import PlaitPlatform

/// Descriptors that go to another process beside a value, which knows them by their places.
///
/// A shared object that is encoded puts its descriptor in; one that is decoded takes a copy out.
package final class DescriptorBag: @unchecked Sendable {
    // Sendable: used by one encoding, sending, or decoding at a time.

    /// Open as long as the bag, if it owns them.
    private(set) var numbers: [Int32] = []
    private let ownsThem: Bool
    /// What else the value refers to.
    let loans: Loans

    /// For encoding: the shared objects keep their descriptors.
    init() {
        ownsThem = false
        loans = Loans()
    }

    /// For decoding: takes over descriptors that came.
    convenience init(owning numbers: [Int32]) { self.init(owning: numbers, Loans()) }

    private init(owning numbers: [Int32], _ loans: Loans) {
        self.numbers = numbers
        self.loans = loans
        ownsThem = true
    }

    /// With copies of what is in another.
    convenience init(copying other: DescriptorBag) throws(SystemError) {
        self.init(owning: [], other.loans)
        for number in other.numbers { numbers.append(try Processes.duplicate(number).release()) }
    }

    deinit {
        if ownsThem { for number in numbers { closeDescriptor(number) } }
    }

    /// The bag of an encoding or decoding.
    /// - Throws: ``SharingError/notOnTheWay(_:)`` where there is none.
    package static func of(
        _ userInfo: [CodingUserInfoKey: Any], for object: String
    ) throws(SharingError) -> DescriptorBag {
        guard let bag = userInfo[.descriptors] as? DescriptorBag else {
            throw .notOnTheWay(object)
        }
        return bag
    }

    /// Puts one in and returns its place.
    package func put(_ number: Int32) -> Int {
        numbers.append(number)
        return numbers.count - 1
    }

    /// A copy of the one at a place, which the caller owns.
    package func copy(_ place: Int) throws -> Descriptor {
        guard numbers.indices.contains(place) else { throw ConnectionError.malformed }
        return try Processes.duplicate(numbers[place])
    }
}

extension CodingUserInfoKey {
    static let descriptors = CodingUserInfoKey(rawValue: "plait.descriptors")!
}

/// Why an object could not be shared, or used where it is shared.
public enum SharingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It was encoded to somewhere else than a process that is being started.
    case notOnTheWay(String)
    /// The memory is not what it is to be: of another program, or another version.
    case malformed(String)
    /// So many wait for it already.
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
