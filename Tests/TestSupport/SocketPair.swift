package import PlaitPlatform

/// A connected pair of non-blocking Unix stream sockets, open until ``close()``.
package final class SocketPair {
    package let near: Int32
    package let far: Int32
    private var nearIsOpen = true
    private var farIsOpen = true

    package init() throws(SystemError) { (near, far) = try Sockets.pair() }

    package func close() {
        closeNear()
        closeFar()
    }

    package func closeNear() {
        if nearIsOpen { closeDescriptor(near) }
        nearIsOpen = false
    }

    package func closeFar() {
        if farIsOpen { closeDescriptor(far) }
        farIsOpen = false
    }

    package func send(_ text: String, from number: Int32) { SocketPair.send(text, on: number) }
    package func receive(at number: Int32) -> String? { SocketPair.receive(on: number) }

    /// Sends until the buffers are full.
    package func fill(from number: Int32) {
        let bytes = [UInt8](repeating: 0, count: 65_536)
        while case .done = unsafe bytes.withUnsafeBytes({ unsafe Sockets.send(number, $0) }) {}
    }

    /// Reads all there is.
    package func drain(at number: Int32) {
        while let text = receive(at: number), !text.isEmpty {}
    }

    package static func send(_ text: String, on number: Int32) {
        var text = text
        text.withUTF8 { bytes in
            let attempt = unsafe Sockets.send(number, UnsafeRawBufferPointer(bytes))
            guard case .done(bytes.count) = attempt else {
                preconditionFailure("descriptor \(number) took \(attempt)")
            }
        }
    }

    /// What has arrived, at most 64 KiB; empty at the end, nil if a read would block or fails.
    package static func receive(on number: Int32) -> String? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let attempt = unsafe bytes.withUnsafeMutableBytes {
            unsafe Sockets.receive(number, into: $0)
        }
        guard case .done(let count) = attempt else { return nil }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
