internal import CPlaitLinux
internal import Glibc
internal import SystemPackage

/// The threads of this process, as the system counts them.
extension Processes {
    package static func threadCount() throws(SystemError) -> Int {
        Int(try check(plait_thread_count(), "stat", "/proc/self/task"))
    }

    /// As ``threadCount()``, once the threads that have done their work are gone, since the system
    /// counts them for a while after they were joined. Blocks the thread until then, unless there
    /// are other threads.
    package static func settledThreadCount() throws(SystemError) -> Int {
        let me = kernelThreadID()
        // This takes so long only if the number of a thread that ended long ago was given to a new
        // thread.
        let end = monotonicNow() + 5_000_000_000
        while true {
            let count = try threadCount()
            if count == 1 { return count }
            let isEnding = threadNumbers().allSatisfy {
                $0 == me || LeavingThreads.contains($0) || isExiting($0)
            }
            if !isEnding || monotonicNow() >= end { return count }
            usleep(50)
        }
    }

    /// The kernel's names of this process's threads.
    package static func threadNames() -> [String] {
        threadNumbers().compactMap { text(of: $0, "comm") }.map {
            String($0.prefix { $0 != "\n" })
        }
    }

    private static func threadNumbers() -> [Int32] {
        guard let directory = unsafe opendir("/proc/self/task") else { return [] }
        defer { unsafe closedir(directory) }
        var numbers: [Int32] = []
        while let entry = unsafe readdir(directory) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    unsafe String(cString: $0)
                }
            }
            if let number = Int32(name) { numbers.append(number) }
        }
        return numbers
    }

    /// Whether the kernel is about to end the thread, or has ended it.
    private static func isExiting(_ number: Int32) -> Bool {
        guard let status = text(of: number, "stat"), let name = status.lastIndex(of: ")") else {
            return true
        }
        // PF_EXITING among its flags: see proc(5).
        let fields = status[name...].split(separator: " ")
        return fields.count > 7 && UInt32(fields[7]).map { $0 & 4 != 0 } == true
    }

    /// The text of a thread's file in /proc; nil when the thread is gone.
    private static func text(of number: Int32, _ file: String) -> String? {
        let path = FilePath("/proc/self/task/\(number)/\(file)")
        guard let file = try? FileDescriptor.open(path, .readOnly) else { return nil }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 512)
        guard
            let count = unsafe try? bytes.withUnsafeMutableBytes({ unsafe try file.read(into: $0) })
        else { return nil }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}

/// The last threads that have done their work. They leave the system soon, if they have not yet.
package enum LeavingThreads {
    private static let last = Guarded(Last())

    private struct Last {
        var numbers = [Int32](repeating: 0, count: 64)
        var next = 0
    }

    /// Called by the thread itself, before anybody can know that it has ended.
    package static func note(_ number: Int32) {
        last.withLock { last in
            last.numbers[last.next] = number
            last.next = (last.next + 1) % last.numbers.count
        }
    }

    static func contains(_ number: Int32) -> Bool {
        last.withLock { $0.numbers.contains(number) }
    }
}
