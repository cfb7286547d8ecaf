internal import PlaitIO
internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

extension ManagerClient {
    /// Waits for the reply. Receives for all callers while nobody else does.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: The reply; nil when the deadline has passed.
    func reply(
        to number: UInt32, until deadline: Deadline, isCancellable: Bool = true
    ) throws -> Reply? {
        while true {
            switch state.withLock({ $0.calls.look(number) }) {
            case .reply(let reply): return reply
            case .receive:
                guard let rest = try receive(until: deadline, whileWaitingFor: number) else {
                    return nil
                }
                for body in rest { body() }
            case .wait:
                let outcome = Parking.block(
                    on: target, until: deadline, isCancellable: isCancellable,
                    enrol: { waiter in state.withLock { $0.calls.queue(waiter, for: number) } },
                    withdraw: { waiter in
                        state.withLock { $0.calls.withdraw(waiter, from: number) }
                    })
                if try !outcome.wasWoken() { return nil }
            }
        }
    }

    /// As ``reply(to:until:isCancellable:)``, suspending the calling task, which never receives.
    func reply(
        to number: UInt32, until deadline: Deadline, isCancellable: Bool = true
    ) async throws -> Reply? {
        while true {
            if case .reply(let reply) = state.withLock({ $0.calls.look(number) }) { return reply }
            let outcome = await Parking.suspend(
                on: target, until: deadline, isCancellable: isCancellable,
                enrol: { waiter in state.withLock { $0.calls.queue(waiter, for: number) } },
                withdraw: { waiter in
                    state.withLock { $0.calls.withdraw(waiter, from: number) }
                })
            if try !outcome.wasWoken() { return nil }
        }
    }

    private var target: WaitTarget { WaitTarget("Managed.call", self) }

    // MARK: Receiving, by the receiver

    /// Receives until the call has its reply or there is something else to do, and returns which.
    /// Returns nil past the deadline.
    private func receive(
        until deadline: Deadline, whileWaitingFor number: UInt32
    ) throws -> [() -> Void]? {
        defer { stopReceiving() }
        while !state.withLock({ $0.calls.hasReply(number) }) {
            guard let rest = try receive(until: deadline) else { return nil }
            if !rest.isEmpty { return rest }
        }
        return []
    }

    /// Waits for bytes, receives them, and hands out the replies.
    /// - Returns: Closures to call once somebody else may receive; nil when the deadline has
    ///   passed.
    private func receive(
        until deadline: Deadline, onThread: Bool = false
    ) throws -> [() -> Void]? {
        do {
            guard let count = try receiveBytes(until: deadline, onThread: onThread) else {
                return nil
            }
            if count == 0 { return fail() }
            var replies: [(UInt32, Reply)] = []
            while let (number, body) = try incoming.takeReply() {
                replies.append((number, .success(body)))
            }
            return perform(state.withLock { $0.calls.settle(replies) })
        } catch is SystemError {
            return fail()
        } catch is DescriptorClosed {
            return fail()
        } catch is MalformedFrame {
            return fail()
        }
    }

    private func receiveBytes(until deadline: Deadline, onThread: Bool) throws -> Int? {
        try incoming.makeRoom()
        guard onThread else {
            return try spin() ?? read(until: deadline)
        }
        defer { noteThread(isAwake: true) }
        while true {
            flush()
            if let count = try spin() { return count }
            // While many calls are under way, more will come, and all of them are sent together.
            let dozes = state.withLock { $0.calls.served >= Self.many }
            guard state.withLock({ $0.output.threadMaySleep(dozes: dozes) }) else { continue }
            guard dozes else { return try read(until: .never) }
            if let count = try read(until: Deadline(within: .microseconds(200))) { return count }
            // Nothing has come meanwhile, so from now on each submitter sends by itself.
            if state.withLock({ $0.output.threadMaySleep(dozes: false) }) {
                return try read(until: .never)
            }
        }
    }

    /// From this number on, calls under way count as a stream of calls.
    private static var many: Int { 16 }

    private func read(until deadline: Deadline) throws -> Int? {
        try descriptor.read("recv", full: incoming.room, until: deadline) {
            incoming.receive(from: $0)
        }
    }

    /// Spins for bytes for 20 µs, if the thread may spin.
    private func spin() throws -> Int? {
        guard threadMaySpin else { return nil }
        var count: Int?
        let hasCome = try descriptor.withNumber { number in
            SpinPolicy.process.spin {
                switch incoming.receive(from: number) {
                case .done(let result): count = result
                case .wouldBlock: return .notYet
                // The read that follows reports the error.
                case .failed: break
                }
                return .ready
            }
        }
        return hasCome ? count : nil
    }

    /// Lets another receive.
    private func stopReceiving() {
        // The receiver has no reply to hand out.
        _ = perform(state.withLock { $0.calls.stopReceiving() })
    }

    /// Ends all calls, since no reply will come any more. Returns what ``perform(_:)`` returns.
    private func fail() -> [() -> Void] {
        if !isUsable { return [] }
        let error = ManagerDied(
            name: identity.name, pid: identity.pid, crash: process.flatMap { Manager.crash(of: $0) }
        )
        let rest = perform(state.withLock { $0.calls.end(with: .failure(error)) })
        threadIsWanted.set()
        return rest
    }

    // MARK: The thread

    /// Makes the thread check whether it must receive.
    func wakeThread() {
        let isFirst = state.withLock { state in
            defer { state.hasThread = true }
            return !state.hasThread
        }
        if isFirst {
            spawn(.thread, name: "plait-manager", isDaemon: true) { [weak self, threadIsWanted] in
                // While the thread sleeps it retains nothing.
                while self?.receiveOnThread() ?? false { try threadIsWanted.wait() }
            }
        }
        if !threadIsWanted.isSet { threadIsWanted.set() }
    }

    /// Receives while the thread has something to receive and nobody else does. Returns false when
    /// nothing can come any more.
    private func receiveOnThread() -> Bool {
        threadIsWanted.clear()
        while state.withLock({ $0.beginOnThread() }) {
            var rest: [() -> Void] = []
            do {
                rest = try receive(until: .never, onThread: true) ?? []
            } catch {
                // The end of the program has cancelled the thread.
                stopReceiving()
                noteThread(isAwake: false)
                flush()
                return false
            }
            stopReceiving()
            // The thread receives next, and sends before that.
            for body in rest { body() }
        }
        noteThread(isAwake: false)
        flush()
        return isUsable
    }

    private func noteThread(isAwake: Bool) {
        state.withLock { $0.output.noteThread(isAwake: isAwake) }
    }
}

extension ManagerClient.Shared {
    /// Makes the thread the receiver, if there is need. Returns whether it receives from now on.
    fileprivate mutating func beginOnThread() -> Bool {
        guard calls.beginOnThread() else { return false }
        output.noteThread(isAwake: true)
        return true
    }
}
