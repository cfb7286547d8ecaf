import CBenchSupport
import Foundation
import Plait

/// An echo server of fibers on one thread, with the command line of `floor-echo`.
@main
struct OursEcho {
    static func main() throws {
        var arguments = CommandLine.arguments[...]
        var port = 0
        while let argument = arguments.popFirst() {
            if argument == "--port", let value = arguments.popFirst().flatMap({ Int($0) }) {
                port = value
            }
        }
        bench_raise_descriptor_limit()
        let listener = try TCPListener(host: "127.0.0.1", port: port, backlog: 4_096)
        print("listening \(listener.port)")
        fflush(nil)
        try listener.serve { connection in
            while try connection.readChunk({ try connection.write($0) }) {}
        }
    }
}
