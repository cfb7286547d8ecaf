import PlaitPlatform
import SystemPackage
import Testing

struct DescriptorTests {
    @Test func `a descriptor is closed when its owner ends`() throws {
        let (near, far) = try Sockets.pair()
        do { _ = Descriptor(owning: far) }
        // A read at the end tells that the peer is closed; its number may be in use again.
        let peer = Descriptor(owning: near)
        // A child that another test starts has a copy until it runs its program.
        _ = try waitForDescriptor(
            peer.number, .readable, until: .never, interrupt: threadInterrupt)
        var byte: UInt8 = 0
        let attempt = unsafe withUnsafeMutableBytes(of: &byte) {
            unsafe Sockets.receive(peer.number, into: $0)
        }
        guard case .done(0) = attempt else {
            Issue.record("the peer is open: \(attempt)")
            return
        }
    }

    @Test func `a released descriptor stays open`() throws {
        let (near, far) = try Sockets.pair()
        let owner = Descriptor(owning: far)
        let number = owner.release()
        let peer = Descriptor(owning: near)
        var byte: UInt8 = 0
        let attempt = unsafe withUnsafeMutableBytes(of: &byte) {
            unsafe Sockets.receive(peer.number, into: $0)
        }
        guard case .wouldBlock = attempt else {
            Issue.record("the peer is closed: \(attempt)")
            return
        }
        closeDescriptor(number)
    }

    @Test func `an event counter is readable from its signal to its draining`() throws {
        let counter = try makeEventCounter()
        func isReadable() throws -> Bool {
            let result = try waitForDescriptor(
                counter.number, .readable, until: .immediate, interrupt: threadInterrupt)
            if case .ready = result { return true }
            return false
        }
        #expect(try !isReadable())
        signalEventCounter(counter.number)
        signalEventCounter(counter.number)
        #expect(try isReadable())
        drainEventCounter(counter.number)
        #expect(try !isReadable())
    }

    // The limit is the process's: hence in a process of its own.
    @Test func `the descriptor limit is raised to the hard one`() async {
        await #expect(processExitsWith: .success) {
            let hard = DescriptorLimit.raise()
            #expect(hard > 0)
            #expect(DescriptorLimit.setSoft(64) == hard)
            #expect(DescriptorLimit.raise() == hard)
            // Wanting less than the hard limit does not lower anything.
            #expect(DescriptorLimit.raise(to: 10) == hard)
        }
    }

    @Test func `a limit beyond the hard one is granted or left as it was`() async {
        await #expect(processExitsWith: .success) {
            let hard = DescriptorLimit.raise()
            let wanted = hard > 1 << 30 ? hard : hard + 1
            #expect([hard, wanted].contains(DescriptorLimit.raise(to: wanted)))
        }
    }

    @Test func `running out of descriptors is an error that says what to do`() async {
        await #expect(processExitsWith: .success) {
            _ = DescriptorLimit.setSoft(3)
            let error = #expect(throws: SystemError.self) { _ = try makeEventCounter() }
            _ = DescriptorLimit.raise()
            #expect(error?.errno == .tooManyOpenFiles)
            #expect(error?.description.contains("ulimit -n") == true)
        }
    }
}
