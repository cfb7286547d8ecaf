internal import PlaitLoop
internal import PlaitParking
package import PlaitPlatform
internal import PlaitStrands
internal import PlaitSync
internal import Synchronization
internal import SystemPackage

/// A non-blocking descriptor that strands of any kind use, on any hub. One of them closes it.
///
/// A hub's strands wait through their loop, which registers the descriptor at the first wait. A
/// thread without a hub waits in `ppoll`. The number goes back to the system only when nobody can
/// be inside a call with it any more. Otherwise a call could reach a file of somebody else.
package final class PolledDescriptor: @unchecked Sendable {
    // Sendable: atomics; `guardLock` guards the lists. `home` is written under it while `homeLoop`
    // names no living loop; only the thread of the loop that `homeLoop` names reads it.

    package let number: Int32
    private let isOpen = Atomic<Bool>(true)
    /// How many users must let go before the number is closed: the owner, each registration, and
    /// each thread inside a call.
    private let users = Atomic<Int>(1)
    private let guardLock = ShortLock()
    private var registrations: [Registration] = []
    /// The waiting threads without a hub. Guarded by the lock.
    private var threads: [ThreadWait] = []
    /// The operations that engines carry out on the descriptor. Guarded by the lock.
    private var completions: [(completion: IOCompletion, engine: any IOEngine)] = []
    /// The first registration, for the hub that most likely uses the descriptor. Read without the
    /// lock.
    @exclusivity(unchecked) private var home: Registration?
    private let homeLoop = Atomic<UInt>(PolledDescriptor.noLoop)

    /// A value of `homeLoop`: no loop has a registration.
    private static let noLoop: UInt = 0
    /// A value of `homeLoop`: the first loop has ended, and others may have a registration.
    private static let endedLoop: UInt = 1

    /// Takes over an open, non-blocking descriptor.
    package init(owning number: Int32) { self.number = number }

    deinit {
        // Nobody is inside a call, since this object would still be alive then.
        guard isOpen.load(ordering: .relaxed) else { return }
        for registration in registrations { PolledDescriptor.forget(registration) {} }
        closeDescriptor(number)
    }

    package var isClosed: Bool { !isOpen.load(ordering: .acquiring) }

    // MARK: Using

    /// Repeats a call that reads until it does not block any more.
    ///
    /// - Parameters:
    ///   - full: A result below this means that nothing is left to read; 0 if results do not tell
    ///     that.
    /// - Returns: The call's result; nil when the deadline has passed.
    /// - Throws: ``DescriptorClosed``, `SystemError`, `CancellationError`.
    package func read(
        _ name: StaticString, full: Int, until deadline: Deadline, _ call: (Int32) -> Attempt
    ) throws -> Int? {
        try perform(name, .readable, full: full, until: deadline, call)
    }

    /// Repeats a call that writes until it does not block any more.
    package func write(
        _ name: StaticString, until deadline: Deadline, _ call: (Int32) -> Attempt
    ) throws -> Int? {
        try perform(name, .writable, full: 0, until: deadline, call)
    }

    /// Waits until the descriptor is ready, without making a call. Returns false when the deadline
    /// has passed.
    package func wait(for interest: Readiness, until deadline: Deadline) throws -> Bool {
        try perform(.wait(interest), until: deadline) != nil
    }

    /// Carries an operation out: by the engine of the calling strand's hub, else by readiness.
    ///
    /// Blocks the calling thread or parks the calling fiber. When it returns or throws, the
    /// operation has ended.
    /// - Returns: The operation's result; nil when the deadline has passed.
    /// - Throws: ``DescriptorClosed``, `SystemError`, `CancellationError`.
    package func perform(_ operation: IOOperation, until deadline: Deadline) throws -> Int? {
        var none: Chunk?
        return try perform(operation, &none, until: deadline)
    }

    /// As ``perform(_:until:)``, for an operation whose buffer the engine chooses.
    /// - Parameter chunk: Gets what has come.
    package func perform(
        _ operation: IOOperation, _ chunk: inout Chunk?, until deadline: Deadline
    ) throws -> Int? {
        // An engine need not be asked by a strand that tries once, or that cannot wait.
        if let hub = unsafe Hub.referenceOfThread, deadline != .immediate,
            let engine = unsafe hub._withUnsafeGuaranteedRef({ $0.engine }), Strand.currentCanWait
        {
            unsafe hub._withUnsafeGuaranteedRef { $0.countOperation() }
            return try complete(operation, &chunk, by: engine, until: deadline)
        }
        if case .wait(let interest) = operation {
            var isFirst = true
            return try perform("poll", interest, full: 0, until: deadline) { _ in
                defer { isFirst = false }
                return isFirst ? .wouldBlock : .done(0)
            }
        }
        return try perform(
            operation.name, operation.interest, full: operation.full, until: deadline
        ) {
            operation.attempt($0, &chunk)
        }
    }

    private func perform(
        _ name: StaticString, _ interest: Readiness, full: Int, until deadline: Deadline,
        _ call: (Int32) -> Attempt
    ) throws -> Int? {
        guard let hub = unsafe Hub.referenceOfThread else {
            return try performOnThread(name, interest, until: deadline, call)
        }
        return try unsafe hub._withUnsafeGuaranteedRef {
            if let engine = $0.engine {
                $0.countOperation()
                return try perform(name, interest, until: deadline, by: engine, call)
            }
            return try perform(name, interest, full: full, until: deadline, on: $0, call)
        }
    }

    // MARK: By completions

    /// Lets an engine carry an operation out, and waits for its end.
    ///
    /// A caller that must give up asks the engine to cancel, and still waits for the end: until
    /// then the buffers are the engine's. If the request came too late, the result counts.
    package func complete(
        _ operation: IOOperation, _ chunk: inout Chunk?, by engine: any IOEngine,
        until deadline: Deadline
    ) throws -> Int? {
        guard hold() else { throw DescriptorClosed() }
        defer { letGo() }
        if isClosed { throw DescriptorClosed() }
        let completion = IOCompletion(operation, on: number)
        engine.submit(completion)
        // Only now: close() may not ask to cancel what the engine does not know yet.
        let isTooLate = guardLock.withLock {
            if isClosed { return true }
            completions.append((completion, engine))
            return false
        }
        if isTooLate { engine.cancel(completion) }
        defer { guardLock.withLock { completions.removeAll { $0.completion === completion } } }
        var reason: (any Error)?
        var isOver = false
        do {
            isOver = try !completion.isDone.wait(within: deadline.remaining)
        } catch {
            reason = error
        }
        if isOver || reason != nil { engine.cancel(completion) }
        completion.isDone.waitUncancellably()
        switch completion.result {
        case .done(let count):
            // Closing ends a read that waits with a result of 0. An accept's 0 is a descriptor.
            if count == 0, isClosed, operation.isRead { throw DescriptorClosed() }
            chunk = completion.takeChunk()
            return count
        case .failed where isClosed: throw DescriptorClosed()
        case .failed(.canceled) where isOver: return nil
        case .failed(let errno):
            throw reason ?? SystemError(errno: errno, call: "\(operation.name)")
        }
    }

    /// Makes a call that is no operation, and lets the engine wait for readiness.
    private func perform(
        _ name: StaticString, _ interest: Readiness, until deadline: Deadline,
        by engine: any IOEngine, _ call: (Int32) -> Attempt
    ) throws -> Int? {
        var none: Chunk?
        while true {
            switch try withNumber(call) {
            case .done(let count): return count
            case .failed(let errno): throw SystemError(errno: errno, call: "\(name)")
            case .wouldBlock: break
            }
            if deadline == .immediate { return nil }
            if !Strand.currentCanWait { CallbackStrand.refuse("\(name)") }
            guard
                try complete(.wait(interest), &none, by: engine, until: deadline) != nil
            else { return nil }
        }
    }

    // MARK: By readiness

    private func perform(
        _ name: StaticString, _ interest: Readiness, full: Int, until deadline: Deadline,
        on hub: Hub, _ call: (Int32) -> Attempt
    ) throws -> Int? {
        hub.countOperation()
        var registration = registration(on: hub.loop)
        while true {
            if isClosed { throw DescriptorClosed() }
            // A caller that tries once does not wait until the loop looks.
            if registration?.mayBe(interest) ?? true || deadline == .immediate {
                // A registration keeps the number open.
                switch registration == nil ? try withNumber(call) : call(number) {
                case .done(let count):
                    if count < full, interest == .readable { registration?.isDrained() }
                    return count
                case .failed(let errno): throw SystemError(errno: errno, call: "\(name)")
                case .wouldBlock: break
                }
                if registration == nil { registration = try register(on: hub.loop) }
                if interest == .readable {
                    registration?.isDrained()
                } else {
                    registration?.isFilled()
                }
            }
            if let registration, try !registration.wait(for: interest, until: deadline) {
                return nil
            }
        }
    }

    private func performOnThread(
        _ name: StaticString, _ interest: Readiness, until deadline: Deadline,
        _ call: (Int32) -> Attempt
    ) throws -> Int? {
        guard hold() else { throw DescriptorClosed() }
        defer { letGo() }
        while true {
            if isClosed { throw DescriptorClosed() }
            switch call(number) {
            case .done(let count): return count
            case .failed(let errno): throw SystemError(errno: errno, call: "\(name)")
            case .wouldBlock: break
            }
            // Check only here, since code between strands may make a call that need not wait.
            guard let thread = Strand.current as? ThreadStrand else {
                fatalError("plait: \(Strand.current.name) cannot wait for a descriptor")
            }
            guard try wait(thread, for: interest, until: deadline) else { return nil }
        }
    }

    /// Blocks a thread that has no hub. Closing the descriptor ends the wait.
    private func wait(
        _ thread: ThreadStrand, for interest: Readiness, until deadline: Deadline
    ) throws -> Bool {
        let wait = ThreadWait(thread)
        let isTooLate = guardLock.withLock {
            if isClosed { return true }
            threads.append(wait)
            return false
        }
        if isTooLate { throw DescriptorClosed() }
        defer {
            wait.isOver.store(true, ordering: .relaxed)
            guardLock.withLock { threads.removeAll { $0 === wait } }
            thread.retractInterrupts()
        }
        do {
            return try thread.wait(for: number, interest, until: deadline) != nil
        } catch is CancellationError where isClosed {
            throw DescriptorClosed()
        }
    }

    /// Lends the number, which is not closed meanwhile.
    package func withNumber<Result>(_ body: (Int32) throws -> Result) throws -> Result {
        guard hold() else { throw DescriptorClosed() }
        defer { letGo() }
        if isClosed { throw DescriptorClosed() }
        return try body(number)
    }

    // MARK: Registering

    private func registration(on loop: Loop) -> Registration? {
        // .acquiring pairs with the .releasing store in register(on:), so `home` is visible.
        let seen = homeLoop.load(ordering: .acquiring)
        if seen == address(of: loop) { return unsafe home }
        if seen == PolledDescriptor.noLoop { return nil }
        return guardLock.withLock { registrations.first { $0.loop === loop } }
    }

    private func address(of loop: Loop) -> UInt { UInt(bitPattern: ObjectIdentifier(loop)) }

    private func register(on loop: Loop) throws -> Registration {
        guard hold() else { throw DescriptorClosed() }
        let registration: Registration
        do {
            registration = try loop.register(number)
        } catch {
            letGo()
            throw error
        }
        // A long-lived descriptor may see many loops come and go.
        var left: [Registration] = []
        let isTooLate = guardLock.withLock {
            if isClosed { return true }
            left = takeEnded()
            registrations.append(registration)
            if homeLoop.load(ordering: .relaxed) <= PolledDescriptor.endedLoop {
                unsafe home = registration
                homeLoop.store(
                    address(of: loop), ordering: .releasing)
            }
            return false
        }
        for _ in left { letGo() }
        if isTooLate {
            loop.unregister(registration, willClose: false)
            letGo()
            throw DescriptorClosed()
        }
        return registration
    }

    /// Takes out the registrations of ended loops, which the loops have unregistered. Called under
    /// the lock.
    private func takeEnded() -> [Registration] {
        if registrations.isEmpty { return [] }
        let ended = registrations.filter(\.loop.isOver)
        if ended.isEmpty { return [] }
        registrations.removeAll { one in ended.contains { $0 === one } }
        let home = homeLoop.load(ordering: .relaxed)
        if ended.contains(where: { address(of: $0.loop) == home }) {
            homeLoop.store(PolledDescriptor.endedLoop, ordering: .relaxed)
            unsafe self.home = nil
        }
        return ended
    }

    /// How many loops have a registration.
    package var loopCount: Int { guardLock.withLock { registrations.count } }

    // MARK: Closing

    /// Closes the descriptor. Strands that wait for it, on any thread, get ``DescriptorClosed``.
    /// Any thread may call it; a second call does nothing.
    ///
    /// - Parameter interrupt: Ends the system calls of threads that wait for it.
    package func close(interrupt: (Int32) -> Void) {
        guard isOpen.exchange(false, ordering: .acquiringAndReleasing) else { return }
        let (registrations, threads, completions) = guardLock.withLock {
            defer { self.registrations = [] }
            return (self.registrations, self.threads, self.completions)
        }
        for wait in threads {
            wait.thread.interrupt { !wait.isOver.load(ordering: .relaxed) }
        }
        for (completion, engine) in completions { engine.cancel(completion) }
        if users.load(ordering: .acquiring) > 1 + registrations.count { interrupt(number) }
        let isOnly = users.load(ordering: .acquiring) == 2 && registrations.count == 1
        for registration in registrations {
            PolledDescriptor.forget(registration, willClose: isOnly) { self.letGo() }
        }
        letGo()
    }

    /// Keeps the number open. Returns false if it has been closed.
    private func hold() -> Bool {
        var seen = users.load(ordering: .relaxed)
        while seen > 0 {
            let (done, now) = users.weakCompareExchange(
                expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
            if done { return true }
            seen = now
        }
        return false
    }

    private func letGo() {
        if users.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            closeDescriptor(number)
        }
    }

    /// Takes a registration off its loop, on the loop's thread, and then calls `done`.
    private static func forget(
        _ registration: Registration, willClose: Bool = false,
        then done: @escaping @Sendable () -> Void
    ) {
        let loop = registration.loop
        if Hub.ofThread?.loop === loop {
            loop.unregister(registration, willClose: willClose)
            done()
        } else {
            let isPosted = loop.post {
                loop.unregister(registration, willClose: false)
                done()
            }
            // An ended loop has forgotten its registrations.
            if !isPosted { done() }
        }
    }
}

/// A thread's wait for a descriptor.
private final class ThreadWait: Sendable {
    let thread: ThreadStrand
    let isOver = Atomic<Bool>(false)

    init(_ thread: ThreadStrand) { self.thread = thread }
}

/// A descriptor was closed by this program, before or while it was used.
package struct DescriptorClosed: Error {}
