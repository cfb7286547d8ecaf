internal import CPlaitLinux
internal import Glibc
internal import SystemPackage

/// Starts a detached thread of the system, which runs `body`.
///
/// - Parameter stackSize: The size of its stack in bytes; nil takes the system's default, usually 8
///   MiB.
/// - Throws: `SystemError`: EINVAL for less than the system's minimum, EAGAIN at the limit of
///   threads.
package func startThread(
    name: String, stackSize: Int? = nil, _ body: @escaping @Sendable () -> Void
) throws(SystemError) {
    var attributes = pthread_attr_t()
    unsafe pthread_attr_init(&attributes)
    defer { unsafe pthread_attr_destroy(&attributes) }
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    if let stackSize { try setStackSize(stackSize, &attributes, name) }
    let box = unsafe Unmanaged.passRetained(ThreadBody(name: name, body: body))
    var thread = pthread_t()
    let code = unsafe pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument = unsafe argument else { return nil }
            let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
            unsafe body.name.withCString { unsafe plait_name_thread($0) }
            body.body()
            return nil
        }, box.toOpaque())
    guard code == 0 else {
        unsafe box.release()
        throw SystemError(negative: -code, call: "pthread_create", subject: name)
    }
}

private final class ThreadBody: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.body = body
    }
}
