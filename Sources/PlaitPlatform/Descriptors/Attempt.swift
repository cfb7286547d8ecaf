internal import Glibc
package import SystemPackage

/// The result of a call that would rather fail than block.
package enum Attempt {
    case done(Int)
    case wouldBlock
    case failed(Errno)

    /// Makes a call of the C layer, which returns -errno when it fails. Repeats it when a signal
    /// interrupted it.
    /// - Parameter other: Another result after which the call is repeated.
    @inline(__always)
    static func of(repeatedAfter other: Int32 = -EINTR, _ call: () -> Int) -> Attempt {
        while true {
            let result = call()
            if result >= 0 { return .done(result) }
            switch Int32(truncatingIfNeeded: result) {
            case -EINTR, other: continue
            case -EAGAIN: return .wouldBlock
            case let code: return .failed(Errno(rawValue: -code))
            }
        }
    }

    /// Makes a call of the system, which sets `errno`.
    @inline(__always)
    static func ofCall(_ call: () -> Int) -> Attempt {
        of {
            let result = call()
            return result < 0 ? -Int(errno) : result
        }
    }
}
