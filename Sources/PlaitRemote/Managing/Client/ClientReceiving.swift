internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import PlaitSync
internal import SystemPackage

extension ManagerClient {
    /// Waits for the reply, receiving for all while nobody else does.
    ///
    /// Blocks the calling thread or parks the calling fiber.
    /// - Returns: Nil when the deadline has passed.
    func reply(to call: PendingCall, until deadline: Deadline) throws -> PendingCall.Reply? {
        while true {
            guardLock.lock()
            if let reply = call.reply {
                guardLock.unlock()
                return reply
            }
            let receives = receiver == .none
            if receives { receiver = .strand }
            guardLock.unlock()
            if receives {
                guard let rest = try receive(for: call, until: deadline) else { return nil }
                for body in rest { body() }
                continue
            }
            let outcome = Parking.block(
                on: WaitTarget("Managed.call", self), until: deadline,
                enrol: { enrol($0, for: call, mayReceive: true) },
                withdraw: { withdraw($0, of: call) })
            if try !outcome.wasWoken() { return nil }
        }
    }

    /// Receives until the call has its reply, or there is something else to be done.
    private func receive(
        for call: PendingCall, until deadline: Deadline
    ) throws -> [() -> Void]? {
        defer { passOn() }
        while !isDone(call) {
            guard let rest = try receive(until: deadline) else { return nil }
            if !rest.isEmpty { return rest }
        }
        return []
    }

    private func isDone(_ call: PendingCall) -> Bool { guardLock.withLock { call.reply != nil } }

    private func enrol(_ waiter: Waiter, for call: PendingCall, mayReceive: Bool) -> Bool {
        guardLock.withLock {
            if call.reply != nil || mayReceive && receiver == .none { return false }
            call.waiters.append(waiter)
            if mayReceive { followers[call.number] = call }
            return true
        }
    }

    private func withdraw(_ waiter: Waiter, of call: PendingCall) {
        guardLock.withLock {
            call.waiters.remove(waiter)
            followers[call.number] = nil
        }
    }

    /// Waits for the reply whatever happens to the strand, while a thread receives.
    func replyUncancellably(to call: PendingCall) -> PendingCall.Reply {
        leaveToThread(call)
        while true {
            if let reply = guardLock.withLock({ call.reply }) { return reply }
            _ = Parking.block(
                on: WaitTarget("Managed.call", self), until: .never, isCancellable: false,
                enrol: { enrol($0, for: call, mayReceive: false) },
                withdraw: { withdraw($0, of: call) })
        }
    }

    /// Has the thread receive the reply, if nobody else does.
    /// - Parameter take: Gets it, where the strand does not.
    func leaveToThread(
        _ call: PendingCall, take: (@Sendable (PendingCall.Reply) -> Void)? = nil
    ) {
        guardLock.lock()
        let reply = call.reply
        if reply == nil {
            call.take = take
            if !call.isServiced {
                call.isServiced = true
                serviced += 1
            }
        }
        guardLock.unlock()
        if let reply { take?(reply) } else { wakeThread() }
    }

    // MARK: Receiving

    /// Takes in what comes, waiting for it, and hands the replies out. By who receives.
    /// - Returns: What is to be done when somebody else may receive; nil when the deadline has passed.
    private func receive(
        until deadline: Deadline, onThread: Bool = false
    ) throws -> [() -> Void]? {
        do {
            guard let count = try receiveBytes(until: deadline, onThread: onThread) else {
                return nil
            }
            if count == 0 { return fail() }
            var bodies: [(UInt32, [UInt8])] = []
            while let reply = try incoming.takeReply() { bodies.append(reply) }
            let replies = guardLock.withLock {
                bodies.compactMap { number, body in
                    pending[number].map { ($0, PendingCall.Reply.success(body)) }
                }
            }
            return settle(replies)
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
        repeat {
            if onThread { flush() }
            if let count = try spin() { return count }
        } while onThread && !threadMaySleep()
        defer { if onThread { guardLock.withLock { threadIsAwake = true } } }
        return try descriptor.read("recv", full: incoming.room, within: deadline.remaining) {
            incoming.receive(from: $0)
        }
    }

    /// Looks for what comes for 20 µs, if the thread may.
    private func spin() throws -> Int? {
        if threadMaySpin {
            var count: Int?
            let hasCome = try descriptor.withNumber { number in
                BriefSpin.wait {
                    switch incoming.receive(from: number) {
                    case .done(let result): count = result
                    case .wouldBlock: return false
                    // The call below says it.
                    case .failed: break
                    }
                    return true
                }
            }
            if hasCome { return count }
        }
        return nil
    }

    /// Lets another receive.
    private func passOn() {
        guardLock.lock()
        receiver = .none
        var next: Waiter?
        while next == nil, let (number, call) = followers.first {
            followers[number] = nil
            next = call.waiters.claimFirst()
        }
        let isLeft = next == nil && serviced > 0
        guardLock.unlock()
        next?.unpark()
        if isLeft { wakeThread() }
    }

    // MARK: The thread

    /// Has the thread look whether it is to receive.
    func wakeThread() {
        let isFirst = guardLock.withLock {
            defer { hasThread = true }
            return !hasThread
        }
        if isFirst {
            spawn(.thread, name: "plait-manager", isDaemon: true) { [weak self, threadIsWanted] in
                // Asleep, it keeps nothing.
                while self?.receiveOnThread() ?? false { try threadIsWanted.wait() }
            }
        }
        if !threadIsWanted.isSet { threadIsWanted.set() }
    }

    /// Receives while there is something for the thread and nobody else does. False when nothing can come
    /// any more.
    private func receiveOnThread() -> Bool {
        threadIsWanted.clear()
        while true {
            let receives = guardLock.withLock {
                let receives = serviced > 0 && receiver == .none && failure == nil
                if receives {
                    receiver = .thread
                    threadIsAwake = true
                }
                return receives
            }
            guard receives else { return leaveThread() }
            var rest: [() -> Void] = []
            do {
                rest = try receive(until: .never, onThread: true) ?? []
            } catch {
                // Cancelled, at the end of the program.
                passOn()
                _ = leaveThread()
                return false
            }
            passOn()
            // It is to receive next, and sends before it does.
            for body in rest { body() }
        }
    }

    /// False when nothing can come any more.
    private func leaveThread() -> Bool {
        let isAlive = guardLock.withLock {
            threadIsAwake = false
            return failure == nil
        }
        flush()
        return isAlive
    }
}
