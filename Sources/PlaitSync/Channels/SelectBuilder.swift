public import PlaitPlatform

/// Builds the cases of a ``select(within:_:)``.
@resultBuilder
public enum SelectBuilder {
    @inlinable
    public static func buildPartialBlock<Cases: AsyncSelectCases & ~Copyable>(
        first: consuming Cases
    ) -> Cases {
        first
    }

    @inlinable
    public static func buildPartialBlock<
        First: AsyncSelectCases & ~Copyable, Second: AsyncSelectCases & ~Copyable
    >(
        accumulated: consuming First, next: consuming Second
    ) -> CasePair<First, Second> where First.Value == Second.Value {
        CasePair(accumulated, next)
    }

    @inlinable
    public static func buildBlock() -> NoCases { NoCases() }
}

/// Some cases of a select, and one case more.
public struct CasePair<
    First: AsyncSelectCases & ~Copyable, Second: AsyncSelectCases & ~Copyable
>: AsyncSelectCases, ~Copyable where First.Value == Second.Value {
    public typealias Value = First.Value
    @usableFromInline var first: First
    @usableFromInline var second: Second

    @inlinable
    init(_ first: consuming First, _ second: consuming Second) {
        self.first = first
        self.second = second
    }

    @inlinable
    public mutating func enter(_ selection: Selection) {
        first.enter(selection)
        second.enter(selection)
    }

    @inlinable
    public mutating func isChosen(in selection: Selection) -> Bool {
        first.isChosen(in: selection) || second.isChosen(in: selection)
    }

    @inlinable
    public mutating func finish(_ selection: Selection) async throws -> Value {
        if first.isChosen(in: selection) { return try await first.finish(selection) }
        return try await second.finish(selection)
    }
}

extension CasePair: SelectCases
where First: SelectCases & ~Copyable, Second: SelectCases & ~Copyable {
    @inlinable
    public mutating func finish(_ selection: Selection) throws -> Value {
        if first.isChosen(in: selection) { return try first.finish(selection) }
        return try second.finish(selection)
    }
}

/// A select without cases: it waits for its limit.
public struct NoCases: SelectCases {
    @inlinable init() {}
    @inlinable public mutating func enter(_ selection: Selection) {}
    @inlinable public mutating func isChosen(in selection: Selection) -> Bool { false }
    @inlinable public mutating func finish(_ selection: Selection) throws {
        throw TimedOut("select")
    }
}
