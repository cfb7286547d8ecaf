internal import PlaitPlatform
internal import SystemPackage

/// A connection goes to another process in the input of its function: both processes have that end
/// then, and each message goes to one of them. Close it here if it is not to be shared.
///
/// Messages that came and were not received stay in this process.
extension Connection: Codable {
    private enum Key: CodingKey { case place, receives, sends }

    public func encode(to encoder: any Encoder) throws {
        let bag = try DescriptorBag.of(encoder.userInfo, for: "Connection")
        var container = encoder.container(keyedBy: Key.self)
        try withNumber { try container.encode(bag.put($0), forKey: .place) }
        try container.encode(isReadable, forKey: .receives)
        try container.encode(isWritable, forKey: .sends)
    }

    public convenience init(from decoder: any Decoder) throws {
        let bag = try DescriptorBag.of(decoder.userInfo, for: "Connection")
        let container = try decoder.container(keyedBy: Key.self)
        let file = try bag.copy(try container.decode(Int.self, forKey: .place))
        self.init(
            owning: file.release(), isReadable: try container.decode(Bool.self, forKey: .receives),
            isWritable: try container.decode(Bool.self, forKey: .sends))
    }
}
