internal import PlaitParking
internal import PlaitPlatform
internal import PlaitStrands

/// One of several inputs has no result: which input, and why.
public struct ItemFailure: Error, Sendable, CustomStringConvertible {
    /// The index of the input.
    public let index: Int
    /// The first 200 characters of the input as text.
    public let input: String
    /// The error of the function, ``WorkerCrashed``, or an error of the pool.
    public let underlying: any Error

    init(_ index: Int, _ input: Any, _ underlying: any Error) {
        self.index = index
        let text = String(describing: input)
        self.input = text.count > 200 ? text.prefix(200) + "…" : text
        self.underlying = underlying
    }

    public var description: String { "input \(index) (\(input)): \(underlying)" }
}

extension ProcessPool {
    /// Runs a function on each input, and waits for all results, in the order of the inputs. Each
    /// input has its own result, so an input that crashes costs none of the others.
    ///
    /// Blocks the calling thread or parks the calling fiber. Each input is an item of the pool.
    /// - Parameter timeout: The limit for each input.
    /// - Throws: `CancellationError`, and errors of an input's encoding. The inputs already given
    ///   to the pool are cancelled then.
    /// - Source: Python's `Pool.map`, which loses the others; Swift's `Result`.
    @available(*, noasync)
    public func mapResults<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: [Function.Input], timeout: Duration? = nil
    ) throws -> [Result<Function.Output, ItemFailure>] {
        var futures: [Future<Function.Output>] = []
        do {
            for input in inputs {
                futures.append(try submit(function, input, timeout: timeout))
            }
            _ = try Future.wait(of: futures)
        } catch {
            for future in futures { future.cancel() }
            throw error
        }
        return results(of: futures, for: inputs)
    }

    /// As the sync form, suspending the calling task.
    public func mapResults<Function: ProcessFunction>(
        _ function: Function.Type, _ inputs: [Function.Input], timeout: Duration? = nil
    ) async throws -> [Result<Function.Output, ItemFailure>] {
        var futures: [Future<Function.Output>] = []
        do {
            for input in inputs {
                futures.append(try await submit(function, input, timeout: timeout))
            }
            _ = try await Future.wait(of: futures)
        } catch {
            for future in futures { future.cancel() }
            throw error
        }
        return results(of: futures, for: inputs)
    }

    /// The results of futures that are done.
    private func results<Input, Output>(
        of futures: [Future<Output>], for inputs: [Input]
    ) -> [Result<Output, ItemFailure>] {
        zip(inputs, futures).enumerated().map { index, pair in
            do {
                return .success(try pair.1.result(within: .zero))
            } catch {
                return .failure(ItemFailure(index, pair.0, error))
            }
        }
    }
}
