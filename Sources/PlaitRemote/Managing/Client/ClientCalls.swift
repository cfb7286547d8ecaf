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
        let number = try enqueue(call, on: object, for: .strand)
        flush()
        let answer: Reply?
        do {
            answer = try reply(to: number, until: call.deadline(within: limit))
        } catch {
            cancel(number)
            guard Call.mayWait, let reply = try lastWord(on: number) else {
                abandon(number, call, on: object)
                throw error
            }
            let output: Call.Output = try result(of: reply)
            // The cancellation came too late for this call, so the next wait throws.
            Strand.current.cancel()
            return output
        }
        if let answer { return try result(of: answer) }
        cancel(number)
        abandon(number, call, on: object)
        return try call.resultPastLimit()
    }

    /// Makes a call, suspending the calling task until it has a result.
    func call<Call: ManagedCall>(
        _ call: Call, on object: UInt64, within limit: Duration?
    ) async throws -> Call.Output {
        let number = try enqueue(call, on: object, for: .waiting)
        flushByThread()
        wakeThread()
        let answer: Reply?
        do {
            answer = try await reply(to: number, until: call.deadline(within: limit))
        } catch {
            cancel(number)
            guard Call.mayWait, let reply = try await lastWord(on: number) else {
                abandon(number, call, on: object)
                throw error
            }
            return try result(of: reply)
        }
        if let answer { return try result(of: answer) }
        cancel(number)
        abandon(number, call, on: object)
        return try call.resultPastLimit()
    }

    /// Makes a call whose result comes as a future.
    @available(*, noasync)
    func submit<Call: ManagedCall>(
        _ call: Call, on object: UInt64
    ) throws -> Future<Call.Output> {
        try places.acquire()
        return try begin(call, on: object)
    }

    /// Makes a call whose result comes as a future. Suspends the calling task while too many calls
    /// are under way.
    func submit<Call: ManagedCall>(
        _ call: Call, on object: UInt64
    ) async throws -> Future<Call.Output> {
        try await places.acquire()
        return try begin(call, on: object)
    }

    /// Begins a call. Takes over the place that the caller has acquired.
    private func begin<Call: ManagedCall>(
        _ call: Call, on object: UInt64
    ) throws -> Future<Call.Output> {
        let promise = Promise<Call.Output>()
        _ = try? promise.begin()
        do {
            _ = try enqueue(
                call, on: object,
                for: .taker { reply in
                    self.places.release()
                    let result = Result<Call.Output, any Error> { try self.result(of: reply) }
                    try? promise.complete(with: result)
                })
        } catch {
            places.release()
            throw error
        }
        flushSoon()
        wakeThread()
        return promise.future
    }

    private func result<Output: Decodable>(of reply: Reply) throws -> Output {
        do {
            return try Answer.read(
                try reply.get(), as: Output.self, in: context, depth: identity.limits.depth,
                isOfProgram: address.isOfManager)
        } catch is CallCancelled {
            throw CancellationError()
        }
    }

    // MARK: Abandoned calls

    /// The manager's reply to a cancelled call, if it comes soon, since a result that it gave must
    /// not be lost. The client's thread receives the reply, because the strand is cancelled.
    private func lastWord(on number: UInt32) throws -> Reply? {
        hand(number, to: .waiting)
        return try reply(to: number, until: Self.soon, isCancellable: false)
    }

    private func lastWord(on number: UInt32) async throws -> Reply? {
        try await reply(to: number, until: Self.soon, isCancellable: false)
    }

    private static var soon: Deadline { Deadline(within: .managerAnswers) }

    /// Abandons a call whose result nobody wants. If a result comes all the same, it is given back.
    private func abandon<Call: ManagedCall>(_ number: UInt32, _ call: Call, on object: UInt64) {
        let strand = StrandKey.current.bits
        hand(
            number,
            to: .taker { reply in
                // The manager holds the objects in the reply for this process, so decode it to
                // release them.
                guard let output: Call.Output = try? self.result(of: reply) else { return }
                guard let call = call as? any ReturnedCall else { return }
                self.giveBack(output, of: call, on: object, as: strand)
            })
    }

    private func giveBack<Call: ReturnedCall>(
        _ output: any Sendable, of call: Call, on object: UInt64, as strand: UInt64
    ) {
        guard let output = output as? Call.Output, let back = call.returning(output) else { return }
        // If the connection has ended, nobody can take the result back.
        _ = try? enqueue(back, on: object, for: .taker { _ in }, as: strand)
        flush()
    }

    private func hand(_ number: UInt32, to owner: State.Owner) {
        guard let effects = state.withLock({ $0.calls.hand(number, to: owner) }) else { return }
        for body in perform(effects) { body() }
    }
}

extension SocketAddress {
    /// Whether managers accept this call only from their own program.
    fileprivate var isOfManager: Bool {
        family == .unix && host.hasPrefix("@\(Manager.addressStart)")
    }
}

extension Duration {
    /// How long a caller waits for the manager's reply after its own limit has passed, or after a
    /// cancellation.
    fileprivate static let managerAnswers = Duration.milliseconds(100)
}

extension ManagedCall {
    /// Until when the caller waits for the reply.
    fileprivate func deadline(within given: Duration?) -> Deadline {
        // The manager keeps the call's own limit and tells what came first, unless it is busy or
        // stopped.
        let own = limit.map { max($0, .managerAnswers) + .managerAnswers }
        guard let own else { return Deadline(within: given) }
        return Deadline(within: min(own, given ?? own))
    }

    /// The caller's result if the manager does not answer within the limit.
    fileprivate func resultPastLimit() throws -> Output {
        if let call = self as? any LimitedCall, let output = call.outputPastLimit as? Output {
            return output
        }
        throw TimedOut("\(Self.self) in a manager")
    }
}
