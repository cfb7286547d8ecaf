internal import ArgumentParser
internal import Foundation
internal import Plait

/// The clients of `plait lab c10k`, in a process of their own. The lab starts it; people do not.
struct C10kClients: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "c10k-clients", abstract: "The clients of c10k.", shouldDisplay: false)

    @Option var port: Int
    @Option var clients: Int
    @Option var seconds: Double
    @Option var size: Int
    @Option var seed: UInt64

    func run() throws {
        DescriptorLimit.raise()
        guard let target = SocketAddress(ip: "127.0.0.1", port: port) else {
            throw CommandFailure("--port \(port) is not a port")
        }
        let load = ClientLoad(
            .init(target: target, clients: clients, seconds: seconds, largest: size, seed: seed)
        ) { StandardStream.output.write($0.line + "\n") }
        let signals = try StopSignals { _ in load.stop() }
        let report = try load.run()
        let line = try JSONEncoder().encode(report)
        StandardStream.output.write(String(decoding: line, as: UTF8.self) + "\n")
        withExtendedLifetime(signals) {}
    }
}
