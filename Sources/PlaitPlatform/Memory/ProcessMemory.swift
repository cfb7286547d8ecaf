internal import Glibc
internal import SystemPackage

extension Processes {
    /// The resident memory of a process in bytes, as the system counts it. Nil if there is no such
    /// process. Takes some microseconds.
    /// - Parameter pid: The process; nil takes this one.
    package static func residentBytes(of pid: Int32?) -> Int? {
        let path = "/proc/\(pid.map { "\($0)" } ?? "self")/statm"
        guard
            let file = unsafe try? FileDescriptor.open(path, .readOnly, options: .closeOnExec)
        else { return nil }
        defer { try? file.close() }
        var text = [UInt8](repeating: 0, count: 128)
        let count = unsafe text.withUnsafeMutableBytes { unsafe try? file.read(into: $0) } ?? 0
        // In pages: all, resident, shared, …
        let fields = text.prefix(count).split(separator: 0x20)
        guard fields.count > 1, let pages = Int(String(decoding: fields[1], as: UTF8.self)) else {
            return nil
        }
        return pages * pageSize
    }

    private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
}
