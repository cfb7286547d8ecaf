internal import PlaitIO
internal import PlaitPlatform
internal import SystemPackage

/// A connection can go to another process in the input of its function. Both processes then have
/// that end, and each message goes to one of them. Close it here if they must not share it.
///
/// If this process has taken in the beginning of a message, receive that message first.
extension Connection: Codable {
    private enum Key: CodingKey { case place, receives, sends, passesDescriptors }

    public func encode(to encoder: any Encoder) throws {
        let bag = try DescriptorBag.of(encoder.userInfo, for: "Connection")
        var container = encoder.container(keyedBy: Key.self)
        // The other process would miss the part of a message that is already here.
        try demandNothingBegun()
        try withNumber { try container.encode(bag.put($0), forKey: .place) }
        try container.encode(isReadable, forKey: .receives)
        try container.encode(isWritable, forKey: .sends)
        try container.encode(passesDescriptors, forKey: .passesDescriptors)
    }

    public convenience init(from decoder: any Decoder) throws {
        let bag = try DescriptorBag.of(decoder.userInfo, for: "Connection")
        let container = try decoder.container(keyedBy: Key.self)
        let file = try bag.copy(try container.decode(Int.self, forKey: .place))
        let (isReadable, isWritable, passesDescriptors) = (
            try container.decode(Bool.self, forKey: .receives),
            try container.decode(Bool.self, forKey: .sends),
            try container.decode(Bool.self, forKey: .passesDescriptors)
        )
        self.init(
            PolledDescriptor(owning: file.release()), isReadable: isReadable,
            isWritable: isWritable, passesDescriptors: passesDescriptors)
    }
}
