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
            // It was too late: the next wait throws.
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

    /// Makes a call whose result comes by a future.
    @available(*, noasync)
    func submit<Call: ManagedCall>(
        _ call: Call, on object: UInt64
    ) throws -> Future<Call.Output> {
        try places.acquire()
        return try begin(call, on: object)
    }

    /// Makes a call whose result comes by a future, suspending the calling task while too many are
    /// under way.
    func submit<Call: ManagedCall>(
        _ call: Call, on object: UInt64
    ) async throws -> Future<Call.Output> {
        try await places.acquire()
        return try begin(call, on: object)
    }

    /// Takes over a place.
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

    // MARK: Calls that are given up

    /// What the manager says of a cancelled call, if it says so soon: what it gave must not be
    /// lost. The thread receives it, as the strand is cancelled.
    private func lastWord(on number: UInt32) throws -> Reply? {
        hand(number, to: .waiting)
        return try reply(to: number, until: Self.soon, isCancellable: false)
    }

    private func lastWord(on number: UInt32) async throws -> Reply? {
        try await reply(to: number, until: Self.soon, isCancellable: false)
    }

    private static var soon: Deadline { Deadline(within: .managerAnswers) }

    /// Leaves a call whose result nobody wants. What it gives all the same goes back.
    private func abandon<Call: ManagedCall>(_ number: UInt32, _ call: Call, on object: UInt64) {
        let strand = StrandKey.current.bits
        hand(
            number,
            to: .taker { reply in
                // What it refers to is held for us: it is decoded to be let go.
                guard let output: Call.Output = try? self.result(of: reply) else { return }
                guard let call = call as? any ReturnedCall else { return }
                self.giveBack(output, of: call, on: object, as: strand)
            })
    }

    private func giveBack<Call: ReturnedCall>(
        _ output: any Sendable, of call: Call, on object: UInt64, as strand: UInt64
    ) {
        guard let output = output as? Call.Output, let back = call.returning(output) else { return }
        // Where the connection has ended, there is nobody to have it back.
        _ = try? enqueue(back, on: object, for: .taker { _ in }, as: strand)
        flush()
    }

    private func hand(_ number: UInt32, to owner: State.Owner) {
        guard let effects = state.withLock({ $0.calls.hand(number, to: owner) }) else { return }
        for body in perform(effects) { body() }
    }
}

extension SocketAddress {
    /// Whether it is one that managers make for their own program alone.
    fileprivate var isOfManager: Bool {
        family == .unix && host.hasPrefix("@\(Manager.addressStart)")
    }
}

extension Duration {
    /// How long a call that has a limit of its own, or was cancelled, waits for what the manager
    /// says of it.
    fileprivate static let managerAnswers = Duration.milliseconds(100)
}

extension ManagedCall {
    /// Until when its caller waits for the answer.
    fileprivate func deadline(within given: Duration?) -> Deadline {
        // The manager keeps the call's own limit, and says what came first; unless it is busy, or
        // stopped.
        let own = limit.map { max($0, .managerAnswers) + .managerAnswers }
        guard let own else { return Deadline(within: given) }
        return Deadline(within: min(own, given ?? own))
    }

    /// What its caller gets from a manager that does not answer within the limit.
    fileprivate func resultPastLimit() throws -> Output {
        if let call = self as? any LimitedCall, let output = call.outputPastLimit as? Output {
            return output
        }
        throw TimedOut("\(Self.self) in a manager")
    }
}
