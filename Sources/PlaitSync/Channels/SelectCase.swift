/// The cases from which a ``select(within:_:)`` in a task chooses. ``Case`` makes them; do not
/// conform to this protocol.
///
/// Their memory holds the places of the items, so it stays where it is while the select lasts.
public protocol AsyncSelectCases<Value>: ~Copyable {
    /// What the handlers return.
    associatedtype Value
    mutating func enter(_ selection: Selection)
    mutating func isChosen(in selection: Selection) -> Bool
    /// Runs the handler of the chosen case, which is one of these.
    mutating func finish(_ selection: Selection) async throws -> Value
}

/// The cases from which a ``select(within:_:)`` of any kind chooses. Their handlers do not `await`.
public protocol SelectCases<Value>: AsyncSelectCases, ~Copyable {
    mutating func finish(_ selection: Selection) throws -> Value
}

/// The cases of a ``select(within:_:)``.
///
/// A channel that is nil is never ready, so a program can switch off a case for a while.
///
/// A case on a closed channel is ready, and the select chooses it like others. Then `onClose` runs;
/// without an `onClose` the select throws `ChannelError.closed`.
public enum Case {
    /// Takes the oldest item of `channel`.
    @inlinable
    public static func receive<Element, Value>(
        from channel: Channel<Element>?,
        _ handler: @escaping (sending Element) throws -> Value,
        onClose: (() throws -> Value)? = nil
    ) -> ReceiveCase<Element, Value> {
        ReceiveCase(channel, handler, onClose)
    }

    /// Takes the oldest item of `channel`; it is the select's value.
    @inlinable
    public static func receive<Element>(
        from channel: Channel<Element>?
    ) -> ReceiveCase<Element, Element> {
        ReceiveCase(channel, { $0 }, nil)
    }

    /// Gives `item` to `channel`.
    @inlinable
    public static func send<Element, Value>(
        _ item: sending Element, to channel: Channel<Element>?,
        _ handler: @escaping () throws -> Value,
        onClose: (() throws -> Value)? = nil
    ) -> SendCase<Element, Value> {
        SendCase(item, channel, handler, onClose)
    }

    /// Gives `item` to `channel`.
    @inlinable
    public static func send<Element>(
        _ item: sending Element, to channel: Channel<Element>?
    ) -> SendCase<Element, Void> {
        SendCase(item, channel, {}, nil)
    }
}

/// See ``Case/receive(from:_:onClose:)``.
@safe
public struct ReceiveCase<Element, Value>: SelectCases, ~Copyable {
    @usableFromInline var seat: ChannelSeat<Element>
    @usableFromInline let handler: (sending Element) throws -> Value
    @usableFromInline let onClose: (() throws -> Value)?

    @inlinable
    init(
        _ channel: Channel<Element>?, _ handler: @escaping (sending Element) throws -> Value,
        _ onClose: (() throws -> Value)?
    ) {
        unsafe seat = ChannelSeat(receivingFrom: channel)
        self.handler = handler
        self.onClose = onClose
    }

    @inlinable
    public mutating func enter(_ selection: Selection) { unsafe seat.enter(selection) }

    @inlinable
    public mutating func isChosen(in selection: Selection) -> Bool {
        unsafe selection.isWinner(seat.address)
    }

    @inlinable
    public mutating func finish(_ selection: Selection) throws -> Value {
        if unsafe seat.place != nil { return try handler(unsafe seat.takeItem()) }
        // The case was chosen without an item, so the channel is closed and drained.
        guard let onClose else { throw ChannelError.closed }
        return try onClose()
    }
}

/// See ``Case/send(_:to:_:onClose:)``.
@safe
public struct SendCase<Element, Value>: SelectCases, ~Copyable {
    @usableFromInline var seat: ChannelSeat<Element>
    @usableFromInline let handler: () throws -> Value
    @usableFromInline let onClose: (() throws -> Value)?

    @inlinable
    init(
        _ item: sending Element, _ channel: Channel<Element>?,
        _ handler: @escaping () throws -> Value, _ onClose: (() throws -> Value)?
    ) {
        unsafe seat = ChannelSeat(sending: item, to: channel)
        self.handler = handler
        self.onClose = onClose
    }

    @inlinable
    public mutating func enter(_ selection: Selection) { unsafe seat.enter(selection) }

    @inlinable
    public mutating func isChosen(in selection: Selection) -> Bool {
        unsafe selection.isWinner(seat.address)
    }

    @inlinable
    public mutating func finish(_ selection: Selection) throws -> Value {
        if unsafe seat.place == nil { return try handler() }
        // The case was chosen and the item is still there, so the channel is closed.
        guard let onClose else { throw ChannelError.closed }
        return try onClose()
    }
}
