internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands

/// Work for a ``ProcessPool``: a function's input, as bytes, and the future of its result.
class PoolItem: @unchecked Sendable {
    // Sendable: `attempts` is guarded by the pool; the rest is constant.
    let function: UInt32
    let input: [UInt8]
    /// Keeps the objects alive to which the input refers, until the item is done.
    private let loans: Loans?
    let areMany: Bool
    /// How long the item may run.
    let limit: Duration?
    /// Whether decoding the value runs no user code.
    let isPlain: Bool
    /// How many workers have ended with this item.
    var attempts = 0

    init(_ function: UInt32, _ input: PoolInput, areMany: Bool, limit: Duration?, isPlain: Bool) {
        self.function = function
        self.input = input.bytes
        loans = input.loans
        self.areMany = areMany
        self.limit = limit
        self.isPlain = isPlain
    }

    /// Notes that a worker gets the item. Returns false if the item was cancelled. Called under the
    /// pool's lock; the caller unparks `claimed` after unlocking.
    func begin(claiming claimed: inout ClaimedWaiters) -> Bool {
        preconditionFailure("PoolItem is abstract")
    }
    /// Whether there are callbacks to call at the item's end.
    var hasCallbacks: Bool { preconditionFailure("PoolItem is abstract") }
    /// Ends the item, and returns a closure that runs its callbacks, if there are any.
    func end(_ ending: Ending) -> (@Sendable () -> Void)? {
        preconditionFailure("PoolItem is abstract")
    }

    /// How the item ended: with bytes from a worker, or without.
    enum Ending {
        case answer([UInt8])
        case failure(any Error)
    }
}

/// The input of an item.
struct PoolInput {
    let bytes: [UInt8]
    fileprivate let loans: Loans?

    init(_ value: some Encodable) throws {
        try self.init { try MessagePackEncoder().encode(value, in: $0) }
    }

    init(many values: [some Encodable]) throws {
        try self.init { try PackedArray.encode(values, in: $0) }
    }

    private init(_ encode: (CodingContext) throws -> [UInt8]) throws {
        let loans = Loans()
        bytes = try encode(CodingContext(loans))
        self.loans = loans.isEmpty ? nil : loans
    }
}

final class PoolItemOf<Output: Sendable>: PoolItem, @unchecked Sendable {
    // Sendable: constant.
    let promise = Promise<Output>()
    private let read: @Sendable ([UInt8]) throws -> Output

    init(
        _ function: UInt32, _ input: PoolInput, areMany: Bool = false, limit: Duration?,
        isPlain: Bool, _ read: @escaping @Sendable ([UInt8]) throws -> Output
    ) {
        self.read = read
        super.init(function, input, areMany: areMany, limit: limit, isPlain: isPlain)
    }

    override func begin(claiming claimed: inout ClaimedWaiters) -> Bool {
        promise.future.isRunning || promise.begin(claiming: &claimed)
    }

    override var hasCallbacks: Bool { promise.future.hasCallbacks }

    override func end(_ ending: Ending) -> (@Sendable () -> Void)? {
        switch ending {
        case .answer(let bytes): promise.finish(with: Result { try read(bytes) })
        case .failure(let error): promise.finish(with: .failure(error))
        }
    }
}
