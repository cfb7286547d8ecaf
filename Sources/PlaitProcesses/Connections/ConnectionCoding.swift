internal import PlaitIO
internal import PlaitPlatform
internal import SystemPackage

/// A connection goes to another process in the input of its function: both processes have that end
/// then, and each message goes to one of them. Close it here if it is not to be shared.
///
/// A message of which this process has received the beginning must be received before.
extension Connection: Codable {
    private enum Key: CodingKey { case place, receives, sends, passesDescriptors }

    public func encode(to encoder: any Encoder) throws {
        let bag = try DescriptorBag.of(encoder.userInfo, for: "Connection")
        var container = encoder.container(keyedBy: Key.self)
        // What it has of a message that has begun would be missing there.
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
