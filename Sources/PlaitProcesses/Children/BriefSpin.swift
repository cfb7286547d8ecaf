internal import PlaitPlatform

/// A short wait for another process, which waking would take longer: looks for 20 µs, where that
/// process can run meanwhile on another processor.
package enum BriefSpin {
    package static func wait(for isReady: () -> Bool) -> Bool {
        guard processorCount > 1 else { return isReady() }
        let end = monotonicNow() + 20_000
        repeat {
            for _ in 0..<32 {
                if isReady() { return true }
                spinPause()
            }
        } while monotonicNow() < end
        return isReady()
    }
}
