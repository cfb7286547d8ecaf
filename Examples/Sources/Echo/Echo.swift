import Foundation
import Plait

// Serves ten thousand clients on one thread, in straight-line code. Try `nc 127.0.0.1 8001`.
@main
struct Echo {
    static func main() throws {
        let listener = try TCPListener(host: "127.0.0.1", port: 8_001)
        try listener.serve { connection in
            while let line = try connection.readLine() {
                try connection.write(line + "\n")
            }
        }
    }
}
