internal import PlaitPlatform
public import Synchronization

/// The place where a strand leaves the value or the error that it ended with.
///
/// A value of up to four words lies in the slot itself, so that a strand needs no second object for
/// its result. The type is not generic, since methods of generic classes run unspecialised. The
/// strand writes the slot before it ends; others read it after that.
@safe
public struct ResultSlot: ~Copyable {
    @usableFromInline typealias Words = (UInt, UInt, UInt, UInt)

    @usableFromInline var words: Words = (0, 0, 0, 0)
    /// Ends the value's life. Nil while there is no value.
    @usableFromInline var destroy: ((UnsafeMutableRawPointer) -> Void)?
    /// The error, if the strand ended with one instead of a value.
    @usableFromInline var error: (any Error)?
    /// Whether a strand or task that joined has got the error.
    @usableFromInline let isObserved = Atomic<Bool>(false)

    init() { unsafe destroy = nil }

    /// Whether there is neither a value nor an error.
    @inlinable var isEmpty: Bool { unsafe destroy == nil && error == nil }

    deinit {
        if let destroy = unsafe destroy {
            var words = self.words
            unsafe withUnsafeMutableBytes(of: &words) { unsafe destroy($0.baseAddress!) }
        }
    }

    @inlinable
    static func fits<Value>(_ type: Value.Type) -> Bool {
        MemoryLayout<Value>.size <= MemoryLayout<Words>.size
            && MemoryLayout<Value>.alignment <= MemoryLayout<Words>.alignment
    }

    @inlinable
    mutating func store<Value>(_ value: Value) {
        if ResultSlot.fits(Value.self) {
            unsafe withUnsafeMutableBytes(of: &words) {
                _ = unsafe $0.baseAddress!.initializeMemory(as: Value.self, to: value)
            }
            unsafe destroy = {
                unsafe $0.assumingMemoryBound(to: Value.self).deinitialize(count: 1)
            }
        } else {
            let box = UnsafeMutablePointer<Value>.allocate(capacity: 1)
            unsafe box.initialize(to: value)
            words.0 = UInt(bitPattern: box)
            unsafe destroy = {
                let box = unsafe $0.load(as: UnsafeMutablePointer<Value>.self)
                unsafe box.deinitialize(count: 1)
                unsafe box.deallocate()
            }
        }
    }

    @inlinable
    func load<Value>(as type: Value.Type) throws -> Value {
        if let error {
            isObserved.store(true, ordering: .relaxed)
            throw error
        }
        if ResultSlot.fits(Value.self) {
            return unsafe withUnsafeBytes(of: words) { unsafe $0.load(as: Value.self) }
        }
        return unsafe UnsafePointer<Value>(bitPattern: words.0)!.pointee
    }
}

extension Strand {
    /// Runs `body` and keeps what it returns or throws. The strand itself calls it, once.
    @inlinable
    public final func keepResult<Value>(of body: () throws -> Value) {
        do {
            let value = try body()
            unsafe resultSlot.store(value)
        } catch {
            unsafe resultSlot.error = error
        }
    }

    /// Keeps an error instead of a result.
    package final func keepError(_ error: any Error) { unsafe resultSlot.error = error }

    /// Returns the value that the strand ended with, or throws its error. Called after the end;
    /// `type` is the result type of the strand's body.
    @inlinable
    public final func result<Value>(as type: Value.Type) throws -> Value {
        if unsafe resultSlot.isEmpty { try refuseResult() }
        return unsafe try resultSlot.load(as: type)
    }

    /// A forked child may join a strand that never ended there.
    @usableFromInline
    final func refuseResult() throws {
        if isLeftInParent { throw LeftInParent(strand: name) }
        demand(false, "the result of strand \(name) was asked for before it ended")
    }

    /// An error that nobody has asked for. The strand reports it when nobody can ask any more.
    @inlinable
    package final var unobservedError: (any Error)? {
        unsafe resultSlot.error == nil ? nil : errorUnlessObserved
    }

    @usableFromInline
    final var errorUnlessObserved: (any Error)? {
        guard let error = unsafe resultSlot.error,
            unsafe !resultSlot.isObserved.load(ordering: .relaxed)
        else { return nil }
        // Being cancelled is how a strand that nobody joins is meant to end.
        return error is CancellationError && isCancelled ? nil : error
    }

    /// The error that the strand ended with; nil while it runs, or if it ended with a value.
    package final var errorAfterEnd: (any Error)? { isAlive ? nil : unsafe resultSlot.error }

    /// Notes that somebody knows of the error, if there is one.
    package final func markObserved() {
        unsafe resultSlot.isObserved.store(true, ordering: .relaxed)
    }

    /// Ends the life of a result that nobody can ask for any more.
    package final func dropResult() { unsafe resultSlot = ResultSlot() }
}
