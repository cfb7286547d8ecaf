import PlaitLoop
import PlaitPlatform
import PlaitTesting

/// A loop on a scripted selector.
struct ScriptedLoop {
    let clock = VirtualClock()
    let selector: ScriptedSelector
    let loop: Loop

    init(supportsEdge: Bool = true) throws {
        selector = ScriptedSelector(clock, supportsEdge: supportsEdge)
        let clock = clock
        loop = try Loop(selector: selector) { clock.now }
    }

    /// Runs rounds until no timer is left.
    func runTimers() {
        while loop.timerCount > 0 { loop.runOnce(until: .never) }
    }
}
