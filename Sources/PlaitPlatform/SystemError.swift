public import SystemPackage

/// A failed system call: which call, on what object, and the kernel's reason.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kernel's reason.
    public let errno: Errno
    /// The system call's name, such as `connect`.
    public let call: String
    /// The object of the call, such as `127.0.0.1:80`; empty if there is none.
    public let subject: String

    public init(errno: Errno, call: String, subject: String = "") {
        self.errno = errno
        self.call = call
        self.subject = subject
    }

    /// Makes the error from the `-errno` that the C layer returns.
    package init(negative code: Int32, call: String, subject: String = "") {
        self.init(errno: Errno(rawValue: -code), call: call, subject: subject)
    }

    public var description: String {
        let object = subject.isEmpty ? "" : " (\(subject))"
        return "\(call)\(object): \(errno.description)\(advice)"
    }

    private var advice: String {
        switch errno {
        case .tooManyOpenFiles:
            "; raise the descriptor limit (ulimit -n) or close what is not needed"
        case .tooManyOpenFilesInSystem: "; raise fs.file-max or close what is not needed"
        case .addressInUse: "; another socket holds this address: choose another port or end it"
        case .permissionDenied, .notPermitted: "; this needs a right that the process lacks"
        case .noMemory: "; free memory or lower the number of strands"
        default: ""
        }
    }
}

/// Returns a non-negative result of the C layer, or throws what `-errno` means.
@discardableResult
package func check(
    _ result: Int32, _ call: String, _ subject: @autoclosure () -> String = ""
) throws(SystemError) -> Int32 {
    guard result >= 0 else {
        throw SystemError(negative: result, call: call, subject: subject())
    }
    return result
}
