import Dispatch
import Foundation

/// Measures the subject that the first argument names, and prints the result as a line of JSON.
///
/// Ends the program with status 64 if there is no such subject, with 1 if it fails.
public func measureSubject(_ subjects: [String: () throws -> Figure]) {
    let arguments = CommandLine.arguments
    guard arguments.count > 1, let measure = subjects[arguments[1]] else {
        let names = subjects.keys.sorted().joined(separator: "|")
        fail("usage: \(arguments[0]) \(names) [--work ROUNDS]", status: 64)
    }
    do {
        switch try measure() {
        case .nanoseconds(let ns): print("{\"ns\": \(ns)}")
        case .value(let value): print("{\"value\": \(value)}")
        }
    } catch {
        fail("\(arguments[0]) \(arguments[1]): \(error)", status: 1)
    }
}

/// Measures in a task on Swift's own pool, and waits for it.
public func inTask(_ body: @escaping @Sendable () async throws -> Figure) throws -> Figure {
    let outcome = Outcome()
    Task.detached {
        do {
            outcome.result = .success(try await body())
        } catch {
            outcome.result = .failure(error)
        }
        outcome.done.signal()
    }
    outcome.done.wait()
    return try outcome.result.get()
}

private final class Outcome: @unchecked Sendable {
    // Sendable: `result` is the task's until `done` is signalled, then the waiting thread's.
    var result: Result<Figure, any Error> = .failure(CancellationError())
    let done = DispatchSemaphore(value: 0)
}

private func fail(_ message: String, status: Int32) -> Never {
    FileHandle.standardError.write(Data((message + "\n").utf8))
    exit(status)
}
