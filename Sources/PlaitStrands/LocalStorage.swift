public import PlaitParking
internal import PlaitPlatform

/// The value that one strand has of a ``StrandLocal``.
@usableFromInline
final class LocalBoxOf<Value>: LocalBox, @unchecked Sendable {
    // Sendable: `guardLock` guards `value`. While the local lives only the strand writes it, and so
    // the strand reads it without the lock.
    private let guardLock = ShortLock()
    private let registry: LocalRegistry
    private let look: LocalBox.Look
    /// The value; nil while the strand changes it in place, and after its life has ended.
    @exclusivity(unchecked) @usableFromInline var value: Value?

    init(_ value: Value, number: UInt64, registry: LocalRegistry, look: LocalBox.Look) {
        unsafe self.value = value
        self.registry = registry
        self.look = look
        super.init(number: number)
    }

    /// The value, on the strand.
    @inlinable var kept: Value {
        guard let value = unsafe self.value else { misused() }
        return value
    }

    /// Takes the value out, to put it back later. Called on the strand.
    @usableFromInline
    func take() -> Value {
        guard let value = guardLock.withLock({ unsafe value.take() }) else { misused() }
        return value
    }

    @usableFromInline
    func putBack(_ new: Value) {
        guardLock.withLock { unsafe value = new }
    }

    @usableFromInline
    func assign(_ new: Value) {
        // Freed outside the lock.
        let old = take()
        putBack(new)
        withExtendedLifetime(old) {}
    }

    @usableFromInline
    func misused() -> Never {
        fatalError(
            """
            plait: StrandLocal \(look.name) is used inside of its own withValue, by strand \
            \(Strand.current.name)
            """)
    }

    @usableFromInline
    override func end() {
        registry.remove(self)
        let old = guardLock.withLock { unsafe value.take() }
        // Freed here and outside all locks, since its `deinit` may run user code.
        withExtendedLifetime(old) {}
    }

    @usableFromInline
    override func snapshot(isOwner: Bool) -> LocalSnapshot? {
        let mayShow = isOwner || look.isShareable
        let value = mayShow ? guardLock.withLock { unsafe self.value } : nil
        return LocalSnapshot(local: look.local, name: look.name, type: Value.self, value: value)
    }
}

extension LocalBox {
    /// The description of a value's local.
    struct Look {
        let local: ObjectIdentifier
        let name: String
        let isShareable: Bool
    }
}

/// The values that exist of one local.
final class LocalRegistry: @unchecked Sendable {
    // Sendable: `guardLock` guards `boxes`.
    private let guardLock = ShortLock()
    private var boxes: [ObjectIdentifier: LocalBox] = [:]

    func add(_ box: LocalBox) {
        guardLock.withLock { boxes[ObjectIdentifier(box)] = box }
    }

    func remove(_ box: LocalBox) {
        guardLock.withLock { _ = boxes.removeValue(forKey: ObjectIdentifier(box)) }
    }

    func takeAll() -> [LocalBox] {
        guardLock.withLock {
            let all = Array(boxes.values)
            boxes = [:]
            return all
        }
    }
}

/// The places of locals in the strands' tables. A new local gets the lowest free place, so that
/// tables stay short.
enum LocalPlaces {
    // `guardLock` guards both.
    private static let guardLock = ShortLock()
    nonisolated(unsafe) private static var isTaken: [Bool] = []
    nonisolated(unsafe) private static var lastNumber: UInt64 = 0

    static func take() -> (place: Int, number: UInt64) {
        guardLock.withLock {
            unsafe lastNumber += 1
            if let free = unsafe isTaken.firstIndex(of: false) {
                unsafe isTaken[free] = true
                return unsafe (free, lastNumber)
            }
            unsafe isTaken.append(true)
            return unsafe (isTaken.count - 1, lastNumber)
        }
    }

    static func give(_ place: Int) {
        guardLock.withLock { unsafe isTaken[place] = false }
    }
}
