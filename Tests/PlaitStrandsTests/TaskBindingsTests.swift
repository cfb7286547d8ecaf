import CPlaitSwitch
import PlaitParking
import PlaitPlatform
import PlaitStrands
import PlaitSync
import TestSupport
import Testing

private enum Request {
    @TaskLocal static var id = 0
    @TaskLocal static var name = "none"
    @TaskLocal static var wide: SIMD16<Float>?
}

/// Task-local values are a strand's own.
struct TaskBindingsTests {
    @Test func `where the runtime keeps task-local values is found`() async throws {
        try await onThread {
            try spawn(.fiber) {}.join()
            let all =
                plait_found_accesses | plait_found_bindings
                | plait_found_binding_layout
            #expect(Int(plait_words_found()) == all)
        }
    }

    @Test func `a value that one fiber binds around a wait is not another's`() async throws {
        try await onThread {
            let fibers = (1...20).map { number in
                spawn(.fiber) {
                    for _ in 0..<10 {
                        #expect(Request.id == 0)
                        Request.$id.withValue(number) {
                            Strand.yield()
                            #expect(Request.id == number)
                            Request.$name.withValue("\(number)") {
                                Strand.yield()
                                #expect(Request.id == number && Request.name == "\(number)")
                            }
                            Strand.yield()
                        }
                        Strand.yield()
                    }
                }
            }
            Request.$id.withValue(77) {
                for _ in 0..<10 {
                    Strand.yield()
                    #expect(Request.id == 77)
                }
            }
            for fiber in fibers { try fiber.join() }
            #expect(Request.id == 0 && Request.name == "none")
        }
    }

    @Test func `a strand begins with the values of the one that starts it`() async throws {
        try await onThread {
            let wide = SIMD16<Float>(repeating: 3)
            let handles = Request.$id.withValue(1) {
                Request.$id.withValue(5) {
                    Request.$wide.withValue(wide) {
                        Request.$name.withValue("a name that is too long to be stored in place") {
                            (
                                spawn(.fiber) {
                                    Strand.yield()
                                    return (Request.id, Request.name.count, Request.wide == wide)
                                },
                                spawn(.thread) {
                                    try spawn(.fiber) {
                                        (Request.id, Request.name.count, Request.wide == wide)
                                    }.join()
                                }
                            )
                        }
                    }
                }
            }
            #expect(Request.id == 0)
            let (fiber, thread) = (try handles.0.join(), try handles.1.join())
            #expect(fiber == (5, 45, true))
            #expect(thread == (5, 45, true))
        }
    }

    @Test func `values go along to async code, pools and blocking calls`() async throws {
        try await onThread {
            let pool = ThreadPool(workers: 1)
            defer { pool.shutDown() }
            try Request.$id.withValue(9) {
                #expect(try blockOn { Request.id } == 9)
                #expect(try pool.submit { Request.id }.result() == 9)
                try spawn(.fiber) {
                    #expect(try blockOn { Request.id } == 9)
                    #expect(try blocking { Request.id } == 9)
                    let inner = try Request.$id.withValue(10) { try blockOn { Request.id } }
                    #expect(inner == 10)
                }.join()
            }
            #expect(try pool.submit { Request.id }.result() == 0)
        }
    }

    @Test func `a fiber is in no task, though its thread waits inside one`() async throws {
        let seen = await Request.$id.withValue(3) {
            await Task { @MainActor in
                #expect(Request.id == 3)
                return insideTask()
            }.value
        }
        #expect(seen == "callback: true, fiber: true 0, task: false 3")
    }
}

/// Runs a hub in the middle of a task.
private func insideTask() -> String {
    let isOutside = Box("")
    let fiber = spawn(.fiber) {
        isOutside.update { $0 += ", fiber: \(currentTaskNumber() == 0) \(Request.id)" }
    }
    Hub.current.post {
        isOutside.update { $0 += "callback: \(currentTaskNumber() == 0)" }
    }
    try? fiber.join()
    Strand.yield()
    let inside = currentTaskNumber() == 0
    return "\(isOutside.value), task: \(inside) \(Request.id)"
}
