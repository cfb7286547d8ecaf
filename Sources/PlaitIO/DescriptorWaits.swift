internal import PlaitLoop
package import PlaitParking
package import PlaitPlatform
internal import PlaitSelectors
internal import PlaitStrands
internal import SystemPackage

extension Strand {
    /// Waits until `descriptor` is readable. Use it for a descriptor with few waits, such as a
    /// pidfd.
    ///
    /// Blocks the calling thread or parks the calling fiber. The caller keeps the descriptor open
    /// meanwhile. Several strands may wait for the same descriptor.
    /// - Returns: False when `deadline` passed first.
    /// - Throws: `CancellationError`; `SystemError`: ENOSPC, ENOMEM, EMFILE.
    @available(*, noasync)
    package static func waitReadable(_ descriptor: Int32, until deadline: Deadline) throws -> Bool {
        if let loop = Hub.ofThread?.loop {
            let registration: Registration
            do throws(SystemError) {
                registration = try loop.register(descriptor)
            } catch {
                guard error.errno == .fileExists else { throw error }
                // A hub watches a descriptor only once, so further waits at the same time need a
                // copy of it.
                let copy = try Processes.duplicate(descriptor)
                return try wait(for: try loop.register(copy.number), on: loop, until: deadline)
            }
            return try wait(for: registration, on: loop, until: deadline)
        }
        guard let thread = current as? ThreadStrand else {
            fatalError("plait: strand \(current.name) has no hub and is not a thread")
        }
        return try thread.wait(for: descriptor, .readable, until: deadline) != nil
    }

    /// Waits once, and then forgets the registration.
    private static func wait(
        for registration: Registration, on loop: Loop, until deadline: Deadline
    ) throws -> Bool {
        registration.isDrained()
        defer { loop.unregister(registration, willClose: false) }
        return try registration.wait(for: .readable, until: deadline)
    }
}

/// A set of descriptors. A strand waits until any of them is ready. The set is an epoll of its own,
/// which counts as one descriptor.
package struct DescriptorSet: ~Copyable {
    private let epoll: EpollSelector
    /// The tokens of regular files. They are always ready, and epoll does not take them.
    private var files: [UInt64] = []

    /// - Throws: `SystemError`: EMFILE.
    package init(capacity: Int) throws(SystemError) {
        epoll = try EpollSelector(batch: max(capacity, 1))
    }

    /// - Throws: `SystemError`: EBADF; EEXIST if the descriptor is in the set already.
    package mutating func add(
        _ number: Int32, _ interest: Readiness, token: UInt64
    ) throws(SystemError) {
        do throws(SystemError) {
            try epoll.register(number, interest: interest, mode: .level, token: token)
        } catch  where error.errno == .notPermitted {
            files.append(token)
        }
    }

    /// Removes a descriptor, which must be open.
    package mutating func remove(_ number: Int32, token: UInt64) {
        if let index = files.firstIndex(of: token) {
            files.remove(at: index)
        } else {
            try? epoll.unregister(number)
        }
    }

    /// Waits until at least one descriptor is ready.
    ///
    /// Blocks the calling thread or parks the calling fiber. The caller keeps the descriptors open
    /// meanwhile.
    /// - Returns: The tokens of the ready descriptors; empty when `deadline` passed first.
    /// - Throws: `CancellationError`; `SystemError`.
    @available(*, noasync)
    package func wait(until deadline: Deadline) throws -> [UInt64] {
        while true {
            var ready = files
            try epoll.look { token, _ in ready.append(token) }
            if !ready.isEmpty || deadline == .immediate { return ready }
            guard try Strand.waitReadable(epoll.descriptor, until: deadline) else { return [] }
        }
    }
}
