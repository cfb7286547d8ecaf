import PlaitSync
import Testing
import TestSupport

@Suite(.timeLimit(.hang))
struct OnceValueTests {
    @Test func `many who ask get the one value that was made`() async throws {
        let made = Box(0)
        let value = OnceValue {
            made.update {
                $0 += 1; return $0
            }
        }
        #expect(made.value == 0)
        let asking = (WaiterKind.allCases + WaiterKind.allCases).map { kind in
            kind.start({ try value.get() }, task: { try await value.get() })
        }
        for strand in asking { #expect(try await strand.value() == 1) }
        #expect(made.value == 1)
    }

    @Test func `after an error the next who asks tries again`() async throws {
        struct Failure: Error {}
        let tries = Box(0)
        let value = OnceValue {
            if tries.update({
                $0 += 1; return $0
            }) < 3 {
                throw Failure()
            }
            return "made"
        }
        await #expect(throws: Failure.self) { try await value.get() }
        await #expect(throws: Failure.self) { try await onThread { try value.get() } }
        #expect(try await value.get() == "made")
        #expect(try await onThread { try value.get() } == "made")
        #expect(tries.value == 3)
    }
}
