internal import CPlaitLinux
internal import Glibc

/// An open file descriptor with one owner. It is closed when its owner ends.
package struct Descriptor: ~Copyable, Sendable {
    package let number: Int32

    /// Takes over an open descriptor.
    package init(owning number: Int32) { self.number = number }

    deinit { closeDescriptor(number) }

    /// Gives the number away. The caller must close it.
    package consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}

/// Closes a descriptor. Does not repeat the call after EINTR, since on Linux the descriptor is gone
/// then too.
package func closeDescriptor(_ number: Int32) { _ = close(number) }

/// An event counter for waking a loop: eventfd.
package func makeEventCounter() throws(SystemError) -> Descriptor {
    Descriptor(owning: try check(plait_eventfd(), "eventfd"))
}

/// Makes the counter readable.
package func signalEventCounter(_ number: Int32) {
    var one: UInt64 = 1
    _ = unsafe write(number, &one, 8)
}

/// Makes the counter unreadable again.
package func drainEventCounter(_ number: Int32) {
    var value: UInt64 = 0
    _ = unsafe read(number, &value, 8)
}

package enum DescriptorLimit {
    /// Raises the soft limit of open descriptors to the hard limit, and the hard limit to `wanted`
    /// if the process may do that. Returns the new limit.
    @discardableResult
    package static func raise(to wanted: Int = 0) -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return 0
        }
        var raised = limit
        raised.rlim_cur = limit.rlim_max
        if wanted > Int(clamping: limit.rlim_max) {
            raised.rlim_cur = rlim_t(wanted)
            raised.rlim_max = rlim_t(wanted)
        }
        if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) != 0 {
            raised = limit
            raised.rlim_cur = limit.rlim_max
            _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised)
        }
        return Int(clamping: raised.rlim_cur)
    }

    /// Sets the soft limit, for tests of exhaustion. Returns the one before.
    package static func setSoft(_ count: Int) -> Int {
        var limit = rlimit()
        _ = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let before = Int(clamping: limit.rlim_cur)
        limit.rlim_cur = rlim_t(count)
        _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return before
    }
}
