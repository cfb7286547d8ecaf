public import PlaitParking

/// A variable of which every strand, thread or fiber, has its own value.
///
/// A strand's value is made when the strand first uses it. It is freed when the strand ends, or
/// when the local itself is freed before that. A thread that Plait did not start frees its values
/// at its end too. Reading takes no lock and allocates nothing.
///
/// A value that is freed with its local may be freed on another thread than its strand's, as any
/// object may. All callbacks of a hub's loop share one set of values. Swift tasks do not stay on a
/// strand; use `TaskLocal` there.
/// - Source: Python's `threading.local`, gevent's and eventlet's `local`.
public final class StrandLocal<Value>: @unchecked Sendable {
    // Sendable: all fields are constants; only the strand itself uses its value.
    private let makeValue: () -> Value
    /// Whether other strands may look at a value.
    private let isShareable: Bool
    private let name: String
    private let registry = LocalRegistry()
    /// The place at which strands keep their values of this local. A later local may get the same
    /// place.
    @usableFromInline let place: Int
    /// Unique: tells the values of this local from those of an earlier one at the same place.
    @usableFromInline let number: UInt64

    /// - Parameters:
    ///   - name: The name that debuggers and reports show; nil takes the type of the value.
    ///   - makeValue: Makes a strand's first value, on that strand.
    public convenience init(name: String? = nil, _ makeValue: @escaping @Sendable () -> Value) {
        self.init(name, isShareable: false, makeValue)
    }

    private init(
        _ name: String?, isShareable: Bool, _ makeValue: @escaping @Sendable () -> Value
    ) {
        self.makeValue = makeValue
        self.isShareable = isShareable
        self.name = name ?? "\(Value.self)"
        (place, number) = LocalPlaces.take()
    }

    deinit {
        // Nobody can ask for these values any more; strands that end meanwhile may free them too.
        for box in registry.takeAll() { box.end() }
        LocalPlaces.give(place)
    }

    // MARK: The calling strand's value

    /// The calling strand's value.
    @available(*, noasync, message: "a task is no strand: use @TaskLocal there")
    @inlinable
    public var value: Value {
        get {
            guard let box = own else { return make().kept }
            return box.kept
        }
        set {
            if let box = own { box.assign(newValue) } else { insert(newValue) }
        }
    }

    /// Changes the calling strand's value in place.
    ///
    /// Using the local inside of `body` traps.
    @available(*, noasync, message: "a task is no strand: use @TaskLocal there")
    @inlinable
    public func withValue<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let box = own ?? make()
        var value = box.take()
        defer { box.putBack(value) }
        return try body(&value)
    }

    /// Frees the calling strand's value: its next use makes a new one.
    /// - Source: Python's `del local.name`.
    @available(*, noasync, message: "a task is no strand: use @TaskLocal there")
    public func reset() {
        guard own != nil else { return }
        unsafe Strand.currentReference._withUnsafeGuaranteedRef { strand in
            strand.makeLocals().replace(nil, at: place)
        }?.end()
    }

    @inlinable
    var own: LocalBoxOf<Value>? {
        unsafe Strand.currentReference._withUnsafeGuaranteedRef { strand in
            guard let box = strand.locals?.box(at: place), box.number == number else {
                return nil
            }
            return unsafe unsafeDowncast(box, to: LocalBoxOf<Value>.self)
        }
    }

    @usableFromInline
    func make() -> LocalBoxOf<Value> {
        // `makeValue` is user code. It may wait, and it may set the value itself, which this one
        // then replaces.
        insert(makeValue())
    }

    @discardableResult
    @usableFromInline
    func insert(_ value: Value) -> LocalBoxOf<Value> {
        let look = LocalBox.Look(
            local: ObjectIdentifier(self), name: name, isShareable: isShareable)
        let box = LocalBoxOf(value, number: number, registry: registry, look: look)
        let old = unsafe Strand.currentReference._withUnsafeGuaranteedRef { strand in
            strand.makeLocals().replace(box, at: place)
        }
        registry.add(box)
        old?.end()
        return box
    }
}

extension StrandLocal where Value: Sendable {
    /// As ``init(name:_:)``; other strands may look at the values, see `Strand.localValues`.
    public convenience init(name: String? = nil, _ makeValue: @escaping @Sendable () -> Value) {
        self.init(name, isShareable: true, makeValue)
    }
}
