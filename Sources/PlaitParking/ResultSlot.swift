internal import PlaitPlatform
public import Synchronization

/// Where a strand leaves the value or error it ended with.
///
/// The value lies in the slot itself if it fits into four words, so that a strand needs no second
/// object for its result. Not generic, since methods of generic classes run unspecialised.
/// Written by the strand before its completion, read by others after it.
@safe
public struct ResultSlot: ~Copyable {
    @usableFromInline typealias Words = (UInt, UInt, UInt, UInt)

    @usableFromInline var words: Words = (0, 0, 0, 0)
    /// Ends the value's life. Nil while there is none.
    @usableFromInline var destroy: ((UnsafeMutableRawPointer) -> Void)?
    /// The error, instead of a value.
    @usableFromInline var error: (any Error)?
    /// Whether somebody who joined has been given the error.
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
    /// Runs `body` and keeps what it returns or throws. By the strand itself, once.
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

    /// The value that the strand ended with, or its error. After its end; `type` is that of its
    /// body.
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

    /// An error that nobody has asked for: to be reported when nobody can any more.
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

    /// The error that it ended with; nil while it runs, or if it ended with a value.
    package final var errorAfterEnd: (any Error)? { isAlive ? nil : unsafe resultSlot.error }

    /// Says that somebody knows of the error, if it is one.
    package final func markObserved() {
        unsafe resultSlot.isObserved.store(true, ordering: .relaxed)
    }

    /// Ends the life of the result early: for one that nobody can ask for any more.
    package final func dropResult() { unsafe resultSlot = ResultSlot() }
}
