internal import PlaitPlatform

extension ThreadPool {
    /// Runs `body` in the pool for each item, and gives the results in the order of the items.
    ///
    /// Blocks the calling thread or parks the calling fiber while the pool is full. The call gives
    /// all work to the pool, whether or not anybody asks for the results.
    /// - Parameter limit: From this call to the last result. Past it, whoever asks for one gets
    ///   `TimedOut`, and what has not begun is cancelled then.
    /// - Throws: As ``submit(within:_:)``, `TimedOut`; what was given is cancelled
    ///   then.
    /// - Source: Python's `Executor.map`; gevent's `imap`.
    @available(*, noasync)
    public func map<Item: Sendable, Success: Sendable>(
        _ items: some Sequence<Item>, within limit: Duration? = nil,
        _ body: @escaping @Sendable (Item) throws -> Success
    ) throws -> PoolResults<Success> {
        let deadline = Deadline(within: limit)
        return PoolResults(ordered: try submitAll(items, until: deadline, body), until: deadline)
    }

    /// Has `body` run for each item, suspending the calling task while the pool is full.
    public func map<Item: Sendable, Success: Sendable>(
        _ items: some Sequence<Item>, within limit: Duration? = nil,
        _ body: @escaping @Sendable (Item) throws -> Success
    ) async throws -> PoolResults<Success> {
        let deadline = Deadline(within: limit)
        let futures = try await submitAll(items, until: deadline, body)
        return PoolResults(ordered: futures, until: deadline)
    }

    /// Runs `body` in the pool for each item that comes. An error of `items` cancels the work for
    /// the items before it, and is thrown.
    public func map<Items: AsyncSequence, Success: Sendable>(
        _ items: Items, within limit: Duration? = nil,
        _ body: @escaping @Sendable (Items.Element) throws -> Success
    ) async throws -> PoolResults<Success> where Items.Element: Sendable {
        let deadline = Deadline(within: limit)
        let futures = try await submitAll(of: items, until: deadline, body)
        return PoolResults(ordered: futures, until: deadline)
    }

    /// As ``map(_:within:_:)``, but gives each result as soon as it is there.
    /// - Source: gevent's `imap_unordered`.
    @available(*, noasync)
    public func mapUnordered<Item: Sendable, Success: Sendable>(
        _ items: some Sequence<Item>, within limit: Duration? = nil,
        _ body: @escaping @Sendable (Item) throws -> Success
    ) throws -> PoolResults<Success> {
        let deadline = Deadline(within: limit)
        return PoolResults(unordered: try submitAll(items, until: deadline, body), until: deadline)
    }

    /// Has `body` run for each item, suspending the calling task while the pool is full; gives the
    /// results as they come.
    public func mapUnordered<Item: Sendable, Success: Sendable>(
        _ items: some Sequence<Item>, within limit: Duration? = nil,
        _ body: @escaping @Sendable (Item) throws -> Success
    ) async throws -> PoolResults<Success> {
        let deadline = Deadline(within: limit)
        let futures = try await submitAll(items, until: deadline, body)
        return PoolResults(unordered: futures, until: deadline)
    }

    /// Runs `body` in the pool for each item that comes, and gives each result as soon as it is
    /// there. An error of `items` cancels the work for the items before it, and is thrown.
    public func mapUnordered<Items: AsyncSequence, Success: Sendable>(
        _ items: Items, within limit: Duration? = nil,
        _ body: @escaping @Sendable (Items.Element) throws -> Success
    ) async throws -> PoolResults<Success> where Items.Element: Sendable {
        let deadline = Deadline(within: limit)
        let futures = try await submitAll(of: items, until: deadline, body)
        return PoolResults(unordered: futures, until: deadline)
    }

    // MARK: Giving the work to the pool

    private func submitAll<Item: Sendable, Success: Sendable>(
        _ items: some Sequence<Item>, until deadline: Deadline,
        _ body: @escaping @Sendable (Item) throws -> Success
    ) throws -> [Future<Success>] {
        var futures: [Future<Success>] = []
        do {
            for item in items {
                futures.append(try submit(within: deadline.remaining) { try body(item) })
            }
            return futures
        } catch {
            throw abandon(futures, after: error)
        }
    }

    private func submitAll<Item: Sendable, Success: Sendable>(
        _ items: some Sequence<Item>, until deadline: Deadline,
        _ body: @escaping @Sendable (Item) throws -> Success
    ) async throws -> [Future<Success>] {
        var futures: [Future<Success>] = []
        do {
            for item in items {
                futures.append(try await submit(within: deadline.remaining) { try body(item) })
            }
            return futures
        } catch {
            throw abandon(futures, after: error)
        }
    }

    private func submitAll<Items: AsyncSequence, Success: Sendable>(
        of items: Items, until deadline: Deadline,
        _ body: @escaping @Sendable (Items.Element) throws -> Success
    ) async throws -> [Future<Success>] where Items.Element: Sendable {
        var futures: [Future<Success>] = []
        do {
            for try await item in items {
                futures.append(try await submit(within: deadline.remaining) { try body(item) })
            }
            return futures
        } catch {
            throw abandon(futures, after: error)
        }
    }

    /// Cancels the work already given. Returns the error that the caller throws.
    private func abandon<Success>(
        _ futures: [Future<Success>], after error: any Error
    ) -> any Error {
        for future in futures { future.cancel() }
        return error
    }
}
