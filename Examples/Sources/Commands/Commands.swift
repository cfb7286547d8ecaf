import Foundation
import Plait
import Subprocess

// Runs commands by swift-subprocess from fibers, and by Plait itself.
@main
struct Commands {
    static func main() throws {
        // Each command has a fiber. `blockOn` parks it while swift-subprocess works with `await`.
        let sums = ["one", "two", "three"].map { word in
            spawn(.fiber, name: word) {
                try blockOn {
                    let result = try await Subprocess.run(
                        .name("cksum"), input: .string(word), output: .string(limit: 4_096))
                    return result.standardOutput ?? ""
                }
            }
        }
        for sum in sums { print("cksum by swift-subprocess:", try sum.join(), terminator: "") }

        // The same without async code: `run` parks the fiber, or blocks a thread.
        let words = try spawn(.fiber) {
            try ChildProcess.run(
                "sort", ["-r"], input: Array("a\nc\nb\n".utf8), within: .seconds(10)
            ).check()
        }
        print("sorted by Plait:", try words.join().text.split(separator: "\n"))

        // A command that fails tells why.
        do {
            try ChildProcess.run("ls", ["/no/such/place"]).check()
        } catch let error as CommandFailed {
            print("failed with \(error.status)")
        }

        // A conversation with a child, line by line, while other fibers run.
        var options = ChildProcess.Options()
        options.input = .pipe
        options.output = .pipe
        let bc = try ChildProcess.start(
            "sh", ["-c", "while read a b; do echo $((a * b)); done"], options)
        let talk = spawn(.fiber, name: "talk") {
            for number in 1...3 {
                try bc.input?.write("\(number) \(number)\n")
                print(number, "squared is", try bc.output?.readLine() ?? "?")
            }
            bc.input?.close()
        }
        try talk.join()
        print("the shell ended by", try bc.join())
    }
}
