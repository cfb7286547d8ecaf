public import PlaitParking
public import PlaitPlatform

/// One case of a select: its channel and the place of its item.
@unsafe
@usableFromInline
struct ChannelSeat<Element>: ~Copyable {
    /// It is the first field, so its address is that of the seat.
    @usableFromInline var head: SelectSeat
    /// Nil for a case that is never ready.
    @usableFromInline let channel: Channel<Element>?
    /// The item to send, until it is sent; or the item received, until its handler takes it.
    @usableFromInline var place: Element?

    @inlinable
    init(receivingFrom channel: Channel<Element>?) {
        unsafe self.channel = channel
        unsafe place = nil
        unsafe head = SelectSeat(channel: ChannelSeat.key(channel)) {
            unsafe ChannelSeat<Element>.receive($0, $1)
        }
    }

    @inlinable
    init(sending item: sending Element, to channel: Channel<Element>?) {
        unsafe self.channel = channel
        unsafe place = item
        unsafe head = SelectSeat(channel: ChannelSeat.key(channel)) {
            unsafe ChannelSeat<Element>.send($0, $1)
        }
    }

    @inlinable
    static func key(_ channel: Channel<Element>?) -> UInt {
        guard let channel else { return 0 }
        return UInt(bitPattern: ObjectIdentifier(channel))
    }

    /// The seat's own memory. The seat must stay where it is until the select has ended.
    @inlinable var address: UnsafeMutablePointer<SelectSeat> {
        mutating get { unsafe withUnsafeMutablePointer(to: &head) { unsafe $0 } }
    }

    /// The address of the place, under the same condition as ``address``.
    @inlinable var placeAddress: UnsafeMutablePointer<Element?> {
        mutating get { unsafe withUnsafeMutablePointer(to: &place) { unsafe $0 } }
    }

    /// Enters the case into a select, if it has a channel.
    @inlinable
    mutating func enter(_ selection: Selection) {
        guard unsafe channel != nil else { return }
        unsafe ChannelSeat.member(address).setSlot(UnsafeMutableRawPointer(placeAddress))
        unsafe selection.add(address)
    }

    /// The item that was received.
    @inlinable
    mutating func takeItem() -> sending Element {
        // The item was sent into the channel, so nobody else has it.
        nonisolated(unsafe) let item = unsafe place.take().unsafelyUnwrapped
        return unsafe item
    }

    // MARK: Steps of a select. They count no references, since the seat keeps its channel alive.

    @inlinable
    static func channel(_ head: UnsafeMutablePointer<SelectSeat>) -> Unmanaged<Channel<Element>> {
        let address = unsafe UnsafeRawPointer(bitPattern: head.pointee.channel)
        return unsafe Unmanaged.fromOpaque(address.unsafelyUnwrapped)
    }

    @inlinable
    static func receive(
        _ head: UnsafeMutablePointer<SelectSeat>, _ step: SelectStep
    ) -> ChannelAttempt {
        unsafe channel(head)._withUnsafeGuaranteedRef { channel in
            switch step {
            case .lock: channel.guardLock.lock()
            case .unlock: channel.guardLock.unlock()
            case .attempt: return unsafe channel.attemptReceive(at(head).pointee.placeAddress)
            case .enrol: unsafe channel.state.receivers.append(member(head))
            case .withdraw: unsafe channel.withdrawReceiver(member(head))
            }
            return .mustWait
        }
    }

    @inlinable
    static func send(
        _ head: UnsafeMutablePointer<SelectSeat>, _ step: SelectStep
    ) -> ChannelAttempt {
        unsafe channel(head)._withUnsafeGuaranteedRef { channel in
            switch step {
            case .lock: channel.guardLock.lock()
            case .unlock: channel.guardLock.unlock()
            case .attempt: return unsafe channel.attemptSend(at(head).pointee.placeAddress)
            case .enrol: unsafe channel.state.senders.append(member(head))
            case .withdraw: unsafe channel.withdrawSender(member(head))
            }
            return .mustWait
        }
    }

    @inlinable
    static func at(_ head: UnsafeMutablePointer<SelectSeat>) -> UnsafeMutablePointer<ChannelSeat> {
        unsafe UnsafeMutableRawPointer(head).assumingMemoryBound(to: ChannelSeat.self)
    }

    @inlinable
    static func member(_ head: UnsafeMutablePointer<SelectSeat>) -> Waiter {
        unsafe Waiter(
            member: UnsafeMutableRawPointer(head).assumingMemoryBound(to: WaiterNode.self))
    }
}
