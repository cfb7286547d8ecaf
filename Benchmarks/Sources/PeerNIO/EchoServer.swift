import CBenchSupport
import Glibc
import NIOCore
import NIOPosix

/// Writes back the bytes that it reads, and flushes once a read has delivered all of them.
final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.write(data, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// The peer of the echo figures: SwiftNIO as its documentation recommends, on one event loop.
@main
struct EchoServer {
    static func main() throws {
        bench_raise_descriptor_limit()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(EchoHandler())
                }
            }
        let channel = try bootstrap.bind(host: "127.0.0.1", port: port).wait()
        print("listening", channel.localAddress?.port ?? 0)
        fflush(nil)
        try channel.closeFuture.wait()
    }

    /// The number after `--port`, or 0 for any free one.
    private static var port: Int {
        let arguments = CommandLine.arguments
        guard let option = arguments.firstIndex(of: "--port") else { return 0 }
        return arguments.dropFirst(option + 1).first.flatMap { Int($0) } ?? 0
    }
}
