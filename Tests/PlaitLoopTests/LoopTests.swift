import PlaitLoop
import PlaitPlatform
import PlaitSelectors
import PlaitTesting
import TestSupport
import Testing

struct LoopTests {
    @Test func `messages run once, in the order of sending`() throws {
        let scripted = try ScriptedLoop()
        let ran = Box<[Int]>([])
        for number in 0..<10 {
            scripted.loop.post { ran.update { $0.append(number) } }
        }
        #expect(ran.value.isEmpty)
        scripted.loop.runOnce(until: .never)
        #expect(ran.value == Array(0..<10))
        scripted.loop.runOnce(until: .never)
        #expect(ran.value == Array(0..<10))
    }

    @Test func `a loop with a message does not wait`() throws {
        let scripted = try ScriptedLoop()
        scripted.loop.post {}
        scripted.loop.runOnce(until: .never)
        #expect(scripted.selector.waits.isEmpty)
        scripted.loop.runOnce(until: .never)
        #expect(scripted.selector.waits == [.never])
    }

    @Test func `many messages to a sleeping loop wake it once`() throws {
        let scripted = try ScriptedLoop()
        let count = Box(0)
        scripted.selector.onWait = { _ in
            for _ in 0..<100 { scripted.loop.post { count.update { $0 += 1 } } }
        }
        scripted.loop.runOnce(until: .never)
        #expect(count.value == 100)
        #expect(scripted.selector.waits.count == 1)
    }

    @Test func `a message that a message sends comes in the next round`() throws {
        let scripted = try ScriptedLoop()
        let loop = scripted.loop
        let ran = Box<[String]>([])
        loop.post {
            ran.update { $0.append("first") }
            loop.post { ran.update { $0.append("second") } }
        }
        loop.runOnce(until: .never)
        #expect(ran.value == ["first"])
        #expect(loop.isNotified)
        loop.runOnce(until: .never)
        #expect(ran.value == ["first", "second"])
        #expect(!loop.isNotified)
    }

    @Test(arguments: [true, false])
    func `messages from other threads run once and in each sender's order`(
        usesEdge: Bool
    ) async throws {
        try await onThread {
            let loop = try Loop(selector: usesEdge ? EpollSelector() : PollSelector())
            let perSender = 2_000
            var received: [[Int]] = [[], [], []]
            let receive = Confined { (sender: Int, number: Int) in
                received[sender].append(number)
            }
            for sender in 0..<3 {
                try startThread(name: "sender-\(sender)") {
                    for number in 0..<perSender {
                        loop.post { receive.value(sender, number) }
                    }
                }
            }
            while received.joined().count < 3 * perSender { loop.runOnce(until: .never) }
            #expect(received.allSatisfy { $0 == Array(0..<perSender) })
        }
    }

    @Test(arguments: [true, false])
    func `a sleeping loop is woken by every message`(usesEdge: Bool) async throws {
        try await onThread {
            let loop = try Loop(selector: usesEdge ? EpollSelector() : PollSelector())
            let rounds = 500
            let asked = Box(0)
            let answered = Box(0)
            try startThread(name: "asker") {
                for round in 1...rounds {
                    loop.post { asked.set(round) }
                    while answered.value < round { yieldThread() }
                }
            }
            while answered.value < rounds {
                loop.runOnce(until: .never)
                answered.set(asked.value)
            }
        }
    }

    @Test func `a timer fires while messages keep coming`() throws {
        let scripted = try ScriptedLoop()
        let loop = scripted.loop
        var hasFired = false
        loop.schedule(after: .milliseconds(1)) { hasFired = true }
        var rounds = 0
        while !hasFired && rounds < 100 {
            rounds += 1
            loop.post {}
            scripted.clock.advance(by: .microseconds(100))
            loop.runOnce(until: .never)
        }
        #expect(rounds == 10 || rounds == 11)
    }

    @Test func `callbacks and messages run inside what the hub puts around them`() throws {
        let scripted = try ScriptedLoop()
        var inside = false
        var seen: [Bool] = []
        let note = Confined { seen.append(inside) }
        scripted.loop.around = { body in
            inside = true
            body()
            inside = false
        }
        scripted.loop.schedule(after: .zero) { note.value() }
        scripted.loop.post { note.value() }
        scripted.clock.advance(by: .milliseconds(1))
        scripted.loop.runOnce(until: .immediate)
        #expect(seen == [true, true])
    }
}
