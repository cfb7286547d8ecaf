internal import PlaitPlatform
internal import PlaitStrands

/// Work for a ``ProcessPool``: a function's input, as bytes, and the future of its result.
class PoolItem: @unchecked Sendable {
    // Sendable: `attempts` is guarded by the pool; the rest is constant.
    let function: UInt32
    let input: [UInt8]
    let areMany: Bool
    /// How long it may run.
    let limit: Duration?
    /// Workers that ended with it.
    var attempts = 0

    init(_ function: UInt32, _ input: [UInt8], areMany: Bool, limit: Duration?) {
        self.function = function
        self.input = input
        self.areMany = areMany
        self.limit = limit
    }

    /// Whether it is wanted: not if it was cancelled.
    func begin() -> Bool { preconditionFailure("PoolItem is abstract") }
    func finish(_ answer: [UInt8]) { preconditionFailure("PoolItem is abstract") }
    func fail(_ error: any Error) { preconditionFailure("PoolItem is abstract") }
}

final class PoolItemOf<Output: Sendable>: PoolItem, @unchecked Sendable {
    // Sendable: constant.
    let promise = Promise<Output>()
    private let read: @Sendable ([UInt8]) throws -> Output

    init(
        _ function: UInt32, _ input: [UInt8], areMany: Bool = false, limit: Duration?,
        _ read: @escaping @Sendable ([UInt8]) throws -> Output
    ) {
        self.read = read
        super.init(function, input, areMany: areMany, limit: limit)
    }

    override func begin() -> Bool {
        promise.future.isRunning || (try? promise.begin()) == true
    }

    override func finish(_ answer: [UInt8]) {
        try? promise.complete(with: Result { try read(answer) })
    }

    override func fail(_ error: any Error) { try? promise.fail(error) }
}
