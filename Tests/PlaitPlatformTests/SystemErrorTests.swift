import PlaitPlatform
import SystemPackage
import Testing

struct SystemErrorTests {
    @Test func `the text names the call, the object and the kernel's reason`() {
        let error = SystemError(errno: .connectionRefused, call: "connect", subject: "127.0.0.1:80")
        #expect(error.description == "connect (127.0.0.1:80): \(Errno.connectionRefused)")
    }

    @Test func `a call without an object has no brackets`() {
        let error = SystemError(errno: .badFileDescriptor, call: "listen")
        #expect(error.description == "listen: \(Errno.badFileDescriptor)")
    }

    @Test(arguments: [
        Errno.tooManyOpenFiles, .tooManyOpenFilesInSystem, .addressInUse, .permissionDenied,
        .notPermitted, .noMemory,
    ])
    func `an error with a usual cure says it`(_ errno: Errno) {
        let text = SystemError(errno: errno, call: "call").description
        #expect(text.hasPrefix("call: \(errno); "))
    }

    @Test func `check passes results through and throws what is negative`() throws {
        #expect(try check(0, "call") == 0)
        #expect(try check(7, "call") == 7)
        #expect(throws: SystemError(errno: .noSuchFileOrDirectory, call: "open", subject: "x")) {
            try check(-2, "open", "x")
        }
    }

    @Test func `check composes the object only for an error`() throws {
        func compose() -> String {
            Issue.record("composed for a success")
            return ""
        }
        try check(1, "call", compose())
    }
}
