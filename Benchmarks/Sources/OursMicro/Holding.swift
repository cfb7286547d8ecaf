import Foundation
import MicroSupport
import Plait

/// The resident bytes of a parked fiber with its objects, for a million fibers on stacks of 64 KiB.
func parkedMemory() throws -> Figure {
    var options = Hub.Options()
    options.stackSize = 65_536
    try Hub.make(options: options)
    let count = 1_000_000
    let gate = Event()
    var handles: [JoinHandle<Void>] = []
    handles.reserveCapacity(count)
    // The first fiber makes everything that is made once.
    try spawn(.fiber) { Strand.yield() }.join()
    let before = residentBytes()
    for _ in 0..<count { handles.append(spawn(.fiber) { try gate.wait() }) }
    // They start, and park, while this strand sleeps.
    while Hub.current.stackStatistics.inUse < count { Strand.yield() }
    try spawn(.fiber) {}.join()
    let after = residentBytes()
    gate.set()
    for handle in handles { try handle.join() }
    return .value(Double(after - before) / Double(count))
}

/// Resident memory and page tables of this process.
private func residentBytes() -> Int {
    var kilobytes = 0
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
        return 0
    }
    for line in text.split(separator: "\n")
    where line.hasPrefix("VmRSS:") || line.hasPrefix("VmPTE:") {
        kilobytes +=
            line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap {
                Int($0)
            } ?? 0
    }
    return kilobytes * 1_024
}
