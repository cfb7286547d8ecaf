internal import PlaitPlatform

/// Lists all strands on standard error when SIGQUIT comes, as Go and Java do. The program goes on.
///
/// The signal's handler only interrupts sleeps. A sleeping thread of Plait, or the next one that
/// goes to sleep, starts a thread that writes the list.
package enum StrandDump {
    /// The lines of the list. The layer of fibers replaces it.
    private static let lister = Guarded<@Sendable () -> [String]>({
        ThreadRegistry.all.map { "  \($0)\n" }
    })

    package static func replaceLister(_ lister: @escaping @Sendable () -> [String]) {
        self.lister.withLock { $0 = lister }
    }

    /// Called after each sleep that the system may have interrupted.
    @inline(__always)
    package static func answerIfAsked() {
        if DumpRequest.take() { answer() }
    }

    private static func answer() {
        let lister = lister.withLock { $0 }
        // Without a thread for it, there is no list; the program goes on.
        try? startThread(name: "plait-dump") {
            let head = "plait: the strands of process \(processID()):\n"
            StandardErrorText.write(head + lister().joined())
        }
    }
}
