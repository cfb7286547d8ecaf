// Cases whose handlers `await`: for selects in tasks.
extension Case {
    /// Takes the oldest item of `channel`, with handlers that may `await`.
    @inlinable
    public static func receive<Element, Value>(
        from channel: Channel<Element>?,
        _ handler: @escaping (sending Element) async throws -> Value,
        onClose: (() async throws -> Value)? = nil
    ) -> AsyncReceiveCase<Element, Value> {
        AsyncReceiveCase(channel, handler, onClose)
    }

    /// Gives `item` to `channel`, with handlers that may `await`.
    @inlinable
    public static func send<Element, Value>(
        _ item: sending Element, to channel: Channel<Element>?,
        _ handler: @escaping () async throws -> Value,
        onClose: (() async throws -> Value)? = nil
    ) -> AsyncSendCase<Element, Value> {
        AsyncSendCase(item, channel, handler, onClose)
    }
}

/// A ``ReceiveCase`` whose handlers `await`.
@safe
public struct AsyncReceiveCase<Element, Value>: AsyncSelectCases, ~Copyable {
    @usableFromInline var seat: ChannelSeat<Element>
    @usableFromInline let handler: (sending Element) async throws -> Value
    @usableFromInline let onClose: (() async throws -> Value)?

    @inlinable
    init(
        _ channel: Channel<Element>?,
        _ handler: @escaping (sending Element) async throws -> Value,
        _ onClose: (() async throws -> Value)?
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
    public mutating func finish(_ selection: Selection) async throws -> Value {
        if unsafe seat.place != nil { return try await handler(unsafe seat.takeItem()) }
        // The case was chosen without an item, so the channel is closed and drained.
        guard let onClose else { throw ChannelError.closed }
        return try await onClose()
    }
}

/// A ``SendCase`` whose handlers `await`.
@safe
public struct AsyncSendCase<Element, Value>: AsyncSelectCases, ~Copyable {
    @usableFromInline var seat: ChannelSeat<Element>
    @usableFromInline let handler: () async throws -> Value
    @usableFromInline let onClose: (() async throws -> Value)?

    @inlinable
    init(
        _ item: sending Element, _ channel: Channel<Element>?,
        _ handler: @escaping () async throws -> Value, _ onClose: (() async throws -> Value)?
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
    public mutating func finish(_ selection: Selection) async throws -> Value {
        if unsafe seat.place == nil { return try await handler() }
        // The case was chosen and the item is still there, so the channel is closed.
        guard let onClose else { throw ChannelError.closed }
        return try await onClose()
    }
}
