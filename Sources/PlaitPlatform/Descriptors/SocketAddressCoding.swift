extension SocketAddress: Codable {
    private enum Key: String, CodingKey { case path, ip, port }

    /// Encodes the path, or the number and the port.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        if let port {
            try container.encode(host, forKey: .ip)
            try container.encode(port, forKey: .port)
        } else {
            try container.encode(path ?? "\0" + host.dropFirst(), forKey: .path)
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        let address: SocketAddress?
        if let path = try container.decodeIfPresent(String.self, forKey: .path) {
            address = SocketAddress(unixPath: path)
        } else {
            address = SocketAddress(
                ip: try container.decode(String.self, forKey: .ip),
                port: try container.decode(Int.self, forKey: .port))
        }
        guard let address else {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: container.codingPath, debugDescription: "no socket address"))
        }
        self = address
    }
}
