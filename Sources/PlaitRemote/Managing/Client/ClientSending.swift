internal import PlaitParking
internal import PlaitPlatform
internal import PlaitProcesses
internal import PlaitStrands
internal import SystemPackage

extension ManagerClient {
    /// Adds a call to the output, and returns its number.
    /// - Parameter strand: The strand or task of the call; nil takes the calling one.
    func enqueue<Call: ManagedCall>(
        _ call: Call, on object: UInt64, for owner: State.Owner, as strand: UInt64? = nil
    ) throws -> UInt32 {
        guard isOurs else { throw ManagerError.forked }
        let body = try MessagePackEncoder().encode(call, in: context)
        guard body.count <= identity.limits.body(behind: RequestHead.size) else {
            throw ManagerError.tooLong(body.count)
        }
        let type = try number(of: Call.self)
        let strand = strand ?? StrandKey.current.bits
        return try state.withLock { state in
            if case .failure(let failure) = state.calls.ending { throw failure }
            let number = state.calls.add(owner)
            state.output.add(
                RequestHead(
                    kind: .call, number: number, type: type, object: object, strand: strand),
                body)
            return number
        }
    }

    /// The number that stands for a call's type. The manager learns it before the first call.
    private func number<Call: ManagedCall>(of type: Call.Type) throws -> UInt32 {
        let key = ObjectIdentifier(type)
        if let number = state.withLock({ $0.output.number(of: key) }) { return number }
        guard let name = TypeName(type) else { throw ManagerError.unreachable("\(type)") }
        let bytes = try MessagePackEncoder().encode(name)
        return state.withLock { $0.output.define(key, bytes) }
    }

    /// Asks the manager to give up a call that waits.
    func cancel(_ number: UInt32) { post(RequestHead(kind: .cancel, number: number)) }

    func post(_ head: RequestHead, _ body: [UInt8] = []) {
        guard isOurs else { return }
        let isUsable = state.withLock { state in
            guard state.calls.ending == nil else { return false }
            state.output.add(head, body)
            return true
        }
        if isUsable { flush() }
    }

    /// As ``flush()``, but leaves little output to the thread while that is awake.
    func flushByThread() {
        if !state.withLock({ $0.output.isLeftToThread }) { flush() }
    }

    /// As ``flushByThread()``, for a call for which nobody waits yet. It may be sent a fifth of a
    /// millisecond later, together with others.
    func flushSoon() {
        if !state.withLock({ $0.output.isLeftToDozingThread }) { flush() }
    }

    /// Sends the output, unless somebody is sending. Does not wait: a thread sends what the socket
    /// does not take.
    func flush() {
        guard var bytes = state.withLock({ $0.output.begin() }) else { return }
        while true {
            let sent = sendAtOnce(bytes, from: 0)
            if sent < bytes.count { return sendOnThread(bytes, from: sent) }
            guard let next = state.withLock({ $0.output.next() }) else { return }
            bytes = next
        }
    }

    /// Sends without waiting, and returns how many bytes are sent then. A socket that fails counts
    /// as taking all, since the receiver will find its error.
    private func sendAtOnce(_ bytes: [UInt8], from start: Int) -> Int {
        var sent = start
        while sent < bytes.count {
            let from = sent
            let attempt = try? descriptor.withNumber { number in
                unsafe bytes.withUnsafeBytes {
                    unsafe Sockets.send(number, UnsafeRawBufferPointer(rebasing: $0[from...]))
                }
            }
            switch attempt {
            case .done(let count): sent += count
            case .wouldBlock: return sent
            case .failed, nil: return bytes.count
            }
        }
        return sent
    }

    /// Goes on sending, on a thread.
    private func sendOnThread(_ first: [UInt8], from start: Int) {
        spawn(.thread, name: "plait-manager-send", isDaemon: true) {
            var (bytes, sent) = (first, start)
            while true {
                sent = self.sendAtOnce(bytes, from: sent)
                if sent < bytes.count {
                    guard (try? self.descriptor.wait(for: .writable, until: .never)) == true else {
                        return
                    }
                    continue
                }
                guard let next = self.state.withLock({ $0.output.next() }) else { return }
                (bytes, sent) = (next, 0)
            }
        }
    }
}
