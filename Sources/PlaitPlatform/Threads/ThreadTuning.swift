internal import CPlaitLinux
internal import Glibc
internal import SystemPackage

/// Processors and priority of a thread, named by the kernel's number.
package enum ThreadTuning {
    /// The error of the kernel for a thread that does not run.
    package static func notRunning(_ call: String, _ name: String) -> SystemError {
        SystemError(errno: .noSuchProcess, call: call, subject: name)
    }

    package static func setAffinity(
        of thread: Int32, to processors: Set<Int>, _ name: String
    ) throws(SystemError) {
        // A clamped number stays out of range, and the C layer refuses it.
        let numbers = processors.map { Int32(clamping: $0) }
        try check(
            unsafe plait_set_affinity(thread, numbers, numbers.count), "sched_setaffinity", name)
    }

    package static func affinity(of thread: Int32, _ name: String) throws(SystemError) -> Set<Int> {
        var numbers = [Int32](repeating: 0, count: 1_024)
        while true {
            let count = Int(
                try check(
                    unsafe plait_get_affinity(thread, &numbers, numbers.count),
                    "sched_getaffinity", name))
            if count <= numbers.count { return Set(numbers.prefix(count).map { Int($0) }) }
            numbers = [Int32](repeating: 0, count: count)
        }
    }

    /// The kernel's scheduling policies that need no privilege, by their numbers.
    package enum Policy: Int32 {
        case normal = 0
        case batch = 3
        case idle = 5
    }

    package static func setPolicy(
        of thread: Int32, to policy: Policy, _ name: String
    ) throws(SystemError) {
        try check(plait_set_policy(thread, policy.rawValue), "sched_setscheduler", name)
    }

    /// The policy of a thread; nil for any other policy, such as a real-time one.
    package static func policy(of thread: Int32, _ name: String) throws(SystemError) -> Policy? {
        Policy(rawValue: try check(plait_get_policy(thread), "sched_getscheduler", name))
    }

    package static func setNiceness(
        of thread: Int32, to value: Int, _ name: String
    ) throws(SystemError) {
        // The kernel would silently take the nearest valid value.
        guard (-20...19).contains(value) else {
            throw SystemError(
                errno: .invalidArgument, call: "setpriority", subject: "\(name), nice \(value)")
        }
        try check(plait_set_niceness(thread, Int32(value)), "setpriority", name)
    }

    package static func niceness(of thread: Int32, _ name: String) throws(SystemError) -> Int {
        var value: Int32 = 0
        try check(unsafe plait_get_niceness(thread, &value), "getpriority", name)
        return Int(value)
    }
}

extension ThreadTuning {
    /// The size of the calling thread's stack in bytes.
    package static var ownStackSize: Int {
        plait_own_stack_size()
    }
}

/// Throws the error that starting a thread with this stack size would throw.
package func checkStackSize(_ bytes: Int) throws(SystemError) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    try setStackSize(bytes, &attributes, "")
}

func setStackSize(
    _ bytes: Int, _ attributes: inout pthread_attr_t, _ name: String
) throws(SystemError) {
    let code = bytes < 0 ? EINVAL : unsafe pthread_attr_setstacksize(&attributes, bytes)
    guard code == 0 else {
        throw SystemError(
            negative: -code, call: "pthread_attr_setstacksize",
            subject: name.isEmpty ? "\(bytes) bytes" : "\(name), \(bytes) bytes")
    }
}

/// Calls `body` when the program ends by `exit` or by the end of its `main`, before handlers that
/// were registered earlier.
package func atProgramEnd(_ body: @convention(c) () -> Void) {
    // This fails only if there is no memory for one entry.
    _ = atexit(body)
}
