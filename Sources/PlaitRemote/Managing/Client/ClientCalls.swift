internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync

extension ManagerClient {
    /// Makes a call and waits for its result.
    @available(*, noasync)
    func call<Call: ManagedCall>(
        _ call: Call, on object: UInt64, within limit: Duration?
    ) throws -> Call.Output {
        let pending = try enqueue(call, on: object, isServiced: false)
        flush()
        let answer: PendingCall.Reply?
        do {
            answer = try reply(to: pending, until: Deadline(within: limit))
        } catch {
            guard Call.mayWait else {
                giveUp(pending, Call.self)
                throw error
            }
            // The manager says which came first: what it gave must not be lost.
            cancel(pending)
            let output: Call.Output = try result(of: replyUncancellably(to: pending))
            // It was too late: the next wait throws.
            Strand.current.cancel()
            return output
        }
        guard let answer else {
            giveUp(pending, Call.self)
            throw ManagerError.timedOut
        }
        return try result(of: answer)
    }

    /// Makes a call, suspending the calling task until it has a result.
    func call<Call: ManagedCall>(
        _ call: Call, on object: UInt64, within limit: Duration?
    ) async throws -> Call.Output {
        let (pending, future) = try begin(call, on: object, hasPlace: false)
        do {
            return try await future.result(within: limit)
        } catch FutureError.timedOut {
            cancel(pending)
            throw ManagerError.timedOut
        } catch is CancellationError {
            cancel(pending)
            guard Call.mayWait else { throw CancellationError() }
            await future.waitUncancellably()
            return try future.value()
        }
    }

    /// Makes a call whose result comes by a future.
    @available(*, noasync)
    func submit<Call: ManagedCall>(
        _ call: Call, on object: UInt64
    ) throws -> Future<Call.Output> {
        try places.acquire()
        do {
            return try begin(call, on: object, hasPlace: true).future
        } catch {
            places.release()
            throw error
        }
    }

    private func begin<Call: ManagedCall>(
        _ call: Call, on object: UInt64, hasPlace: Bool
    ) throws -> (pending: PendingCall, future: Future<Call.Output>) {
        let promise = Promise<Call.Output>()
        _ = try promise.begin()
        let pending = try enqueue(call, on: object, isServiced: true) { reply in
            if hasPlace { self.places.release() }
            let result = Result<Call.Output, any Error> { try self.result(of: reply) }
            try? promise.complete(with: result)
        }
        flushByThread()
        wakeThread()
        return (pending, promise.future)
    }

    /// Leaves a call whose result nobody wants.
    private func giveUp<Call: ManagedCall>(_ pending: PendingCall, _ type: Call.Type) {
        cancel(pending)
        leaveToThread(pending) { reply in
            // What it refers to is held for us: it is decoded to be let go.
            _ = try? self.result(of: reply) as Call.Output
        }
    }

    private func result<Output: Decodable>(of reply: PendingCall.Reply) throws -> Output {
        do {
            return try Answer.read(try reply.get(), as: Output.self, in: context)
        } catch is CallCancelled {
            throw CancellationError()
        }
    }
}
