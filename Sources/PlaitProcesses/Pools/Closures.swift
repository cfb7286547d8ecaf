// Many people first try to give a closure to another process. The compiler tells them what to write
// instead. The values that a closure has captured live only in this process.

public import PlaitStrands

@available(
    *, unavailable,
    message: "a closure cannot go to another process: give a type, spawn(.process, F.self, input)"
)
public func spawn<Success>(
    _ kind: ProcessKind, name: String? = nil, _ body: () throws -> Success
) throws -> ProcessHandle<Success> {
    fatalError("unavailable")
}

extension ProcessPool {
    @available(
        *, unavailable,
        message: "a closure cannot go to another process: give a type, pool.submit(F.self, input)"
    )
    public func submit<Success>(_ body: () throws -> Success) throws -> Future<Success> {
        fatalError("unavailable")
    }

    @available(
        *, unavailable,
        message: "a closure cannot go to another process: give a type, pool.map(F.self, inputs)"
    )
    public func map<Item, Success>(
        _ inputs: some Sequence<Item>, _ body: (Item) throws -> Success
    ) throws -> [Success] {
        fatalError("unavailable")
    }
}
