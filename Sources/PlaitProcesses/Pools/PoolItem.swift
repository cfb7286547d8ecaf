internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands

/// Work for a ``ProcessPool``: a function's input, as bytes, and the future of its result.
class PoolItem: @unchecked Sendable {
    // Sendable: `attempts` is guarded by the pool; the rest is constant.
    let function: UInt32
    let input: [UInt8]
    /// Keeps what the input refers to, while the item is not done.
    private let loans: Loans?
    let areMany: Bool
    /// How long it may run.
    let limit: Duration?
    /// Whether no code of the user's runs when a value is taken in.
    let isPlain: Bool
    /// Workers that ended with it.
    var attempts = 0

    init(_ function: UInt32, _ input: PoolInput, areMany: Bool, limit: Duration?, isPlain: Bool) {
        self.function = function
        self.input = input.bytes
        loans = input.loans
        self.areMany = areMany
        self.limit = limit
        self.isPlain = isPlain
    }

    /// Notes that a worker gets it. False if it is not wanted: it was cancelled. Under the pool's
    /// lock: who is claimed is to be unparked after unlocking.
    func begin(claiming claimed: inout ClaimedWaiters) -> Bool {
        preconditionFailure("PoolItem is abstract")
    }
    /// Whether somebody is to be called at its end.
    var hasCallbacks: Bool { preconditionFailure("PoolItem is abstract") }
    /// Ends it, and returns what is to be called, if there is something.
    func end(_ ending: Ending) -> (@Sendable () -> Void)? {
        preconditionFailure("PoolItem is abstract")
    }

    /// How it ended: with bytes from a worker, or without.
    enum Ending {
        case answer([UInt8])
        case failure(any Error)
    }
}

/// What an item is made from.
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
