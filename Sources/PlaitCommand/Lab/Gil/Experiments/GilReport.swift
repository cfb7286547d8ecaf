internal import PlaitMachine

/// The results of `plait lab gil` as text, for people.
struct GilReport: CustomStringConvertible {
    let results: GilResults
    /// Remarks about the results, one line each.
    let notes: [String]

    private static let barWidth = 36

    var description: String {
        let parts = [
            results.computation.map(computation), echo, results.lostUpdate.map(lostUpdate),
            notes.isEmpty ? nil : notes.joined(separator: "\n"),
        ]
        return parts.compactMap { $0 }.joined(separator: "\n\n") + "\n"
    }

    // MARK: Computing

    private func computation(_ result: ComputationResult) -> String {
        let longest = max(
            result.sequenceSeconds, result.threads.map(\.seconds).max() ?? 0)
        var lines = ["(a) Two threads that compute, against one that does both pieces of work"]
        lines.append(
            bar("in sequence", result.sequenceSeconds / longest, seconds(result.sequenceSeconds)))
        for trial in result.threads {
            let figures =
                "\(seconds(trial.seconds)), \(hundredths(trial.ratio)) times as long, "
                + "\(trial.switches.grouped) switches"
            lines.append(bar("two, \(trial.policy)", trial.seconds / longest, figures))
        }
        lines.append(
            """
            Only who holds the interpreter lock computes: a second core makes nothing faster. \
            Here it does
            \(Int(result.instructionsPerSecond).grouped) instructions a second.
            """)
        return lines.joined(separator: "\n")
    }

    // MARK: The convoy

    private var echo: String? {
        guard !results.echo.isEmpty else { return nil }
        var lines = [
            "(b) An echo thread beside one that computes: median round trip, bars by logarithm"
        ]
        for result in results.echo {
            let name = result.hasHog ? "beside, \(result.policy)" : "alone"
            let figures = [
                time(result.p50Microseconds), "p99 " + time(result.p99Microseconds),
                "\(Int(result.perSecond.rounded()).grouped)/s",
            ].joined(separator: ", ")
            lines.append(bar(name, share(of: result.p50Microseconds), figures))
        }
        lines.append(
            """
            The client rests 0.2 ms after each echo; meanwhile the other thread has taken the lock, \
            and never
            waits by itself. With an interval the echo thread asks after that time and is sure to \
            get it; with
            ticks it is woken again and again, and gets it if it is there before the old holder \
            takes it back.
            """)
        for result in results.echo where result.hasHog {
            lines.append("  \(result.policy): \(counts(of: result))")
        }
        return lines.joined(separator: "\n")
    }

    private func counts(of result: EchoResult) -> String {
        let given =
            result.offers > 0
            ? "\(result.offers.grouped) offers"
            : "\(result.forcedReleases.grouped) forced releases"
        return "\(result.roundTrips.grouped) round trips, \(given), "
            + "\(result.failedRetakes.grouped) failed retakes, longest trip "
            + time(result.longestMicroseconds)
    }

    /// The length of a bar, from 10 us (nothing) to 1 s (all).
    private func share(of microseconds: Double?) -> Double {
        guard let microseconds else { return 1 }
        var decades = 0.0
        var rest = microseconds / 10
        while rest >= 10 {
            rest /= 10
            decades += 1
        }
        return min(1, (decades + max(0, rest - 1) / 9) / 5)
    }

    // MARK: The lost update

    private func lostUpdate(_ result: LostUpdateResult) -> String {
        var lines = ["(c) `count += 1` in two threads, switched in the middle"]
        lines += result.withoutLock.disassembly.map { "      " + $0 }
        lines += walk(result.withoutLock)
        let lost = result.atLarge.increments - result.atLarge.count
        lines.append(
            """
            The lock is the interpreter's, not the program's: a switch can come between any two \
            instructions.
            Two threads at large, \(result.atLarge.increments.grouped) increments: \
            \(lost.grouped) lost.

            The cure, a lock around it:
            """)
        return (lines + walk(result.withLock)).joined(separator: "\n")
    }

    private func walk(_ walk: LostUpdateWalk) -> [String] {
        var lines = ["  line  A\(String(repeating: " ", count: 31))B\("".padded(to: 31))count"]
        var last = walk.steps.first?.thread
        for step in walk.steps {
            if step.thread != last { lines.append("        " + String(repeating: "-", count: 69)) }
            last = step.thread
            let words = step.instruction.split(separator: " ").joined(separator: " ")
            let text = words + (step.isBlocked ? " (waits)" : " [\(step.stack)]")
            let columns = step.thread == "A" ? [text, ""] : ["", text]
            lines.append(
                "\("\(step.line)".padded(to: -6))  \(columns[0].padded(to: 32))"
                    + "\(columns[1].padded(to: 32))\(step.count)")
        }
        let verdict = walk.count == walk.increments ? "nothing is lost" : "one update is lost"
        return lines + ["\(walk.increments) increments, count is \(walk.count): \(verdict)."]
    }

    // MARK: Figures

    private func bar(_ name: String, _ share: Double, _ figures: String) -> String {
        let filled = max(1, Int((share * Double(GilReport.barWidth)).rounded()))
        let bar = String(repeating: "#", count: min(filled, GilReport.barWidth))
        return "  \(name.padded(to: 18)) \(bar.padded(to: GilReport.barWidth)) \(figures)"
    }

    private func seconds(_ value: Double) -> String { "\(hundredths(value)) s" }

    private func hundredths(_ value: Double) -> String {
        let count = Int((value * 100).rounded())
        return "\(count / 100).\("\(count % 100 + 100)".dropFirst())"
    }

    private func time(_ microseconds: Double?) -> String {
        guard let microseconds else { return "no end" }
        guard microseconds >= 1_000 else { return "\(Int(microseconds.rounded())) us" }
        let tenths = Int((microseconds / 100).rounded())
        return "\((tenths / 10).grouped).\(tenths % 10) ms"
    }
}
