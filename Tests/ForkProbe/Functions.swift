internal import PlaitParking
internal import PlaitProcesses
internal import PlaitStrands

/// Functions in children that are copies of this process: each way that one can end.
enum Functions {
    private struct Refused: Error, Codable { let number: Int }
    private struct Plain: Error {}
    nonisolated(unsafe) private static var global = 1

    enum Add: ProcessFunction {
        static func run(_ number: Int) throws -> Int { unsafe number + global }
    }

    private enum End: ProcessFunction {
        static func run(_ how: String) throws -> Nothing {
            switch how {
            case "coded": throw Refused(number: 3)
            case "plain": throw Plain()
            case "trap": preconditionFailure("on purpose")
            case "rest": try Strand.sleep(for: .seconds(3_600))
            default: try spawn(.fiber) { try Strand.sleep(for: .milliseconds(1)) }.join()
            }
            return Nothing()
        }
    }

    static func run() throws {
        // The copy sees it.
        unsafe global = 20
        print(try spawn(.process, Add.self, 22, method: .fork).join())
        for how in ["coded", "plain", "trap", "fibers"] {
            do {
                print(try spawn(.process, End.self, how, method: .fork).join())
            } catch let crash as WorkerCrashed {
                print("WorkerCrashed", crash.status.isSuccess)
            } catch let error as RemoteError {
                print(error.type, error.message)
            } catch {
                print(error)
            }
        }
        let resting = try spawn(.process, End.self, "rest", method: .fork)
        do {
            try resting.join(within: .milliseconds(1))
        } catch {
            print(type(of: error))
        }
        resting.kill()
        do {
            try resting.join()
        } catch let crash as WorkerCrashed {
            print(crash.status)
        }
        // A fiber cannot fork, but it waits for a child while others go on.
        let child = try spawn(.process, Add.self, 1, method: .fork)
        let fibers = (0..<2).map { _ in spawn(.fiber) { try child.join() } }
        print(try fibers.map { try $0.join() })
        spawn(.thread) {
            do {
                try spawn(.process, Add.self, 1, method: .fork)
            } catch {
                print(error)
            }
        }
    }
}
