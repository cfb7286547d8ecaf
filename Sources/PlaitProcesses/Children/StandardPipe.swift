internal import PlaitPlatform

/// One standard stream of a child that is being started: the child's end and the parent's end.
///
/// Ends that are not given away are closed. The parent's copy of the child's end closes once the
/// child has its own.
struct StandardPipe: ~Copyable {
    private var childs: Descriptor?
    private var ours: Descriptor?

    init(_ kind: ChildProcess.StandardIO, childReads: Bool) throws(SystemError) {
        childs = nil
        ours = nil
        switch kind {
        case .inherited: break
        case .null: childs = try Pipes.openNull()
        case .file(let path):
            childs = try Pipes.openFile(path, forReading: childReads, atEnd: false)
        case .endOfFile(let path):
            childs = try Pipes.openFile(path, forReading: childReads, atEnd: true)
        case .descriptor(let number): childs = try Processes.duplicate(number)
        case .pipe:
            let (reading, writing) = try Pipes.make()
            let (theirs, mine) = childReads ? (reading, writing) : (writing, reading)
            childs = Descriptor(owning: theirs)
            ours = Descriptor(owning: mine)
            // Each end of a pipe has its own flags, so the child's end stays blocking.
            try Pipes.setNonBlocking(mine)
        }
    }

    /// The number that becomes the child's standard stream; nil takes the parent's own.
    var childsEnd: Int32? {
        switch childs {
        case .none: nil
        case .some(let descriptor): descriptor.number
        }
    }

    /// Gives away the number of the parent's end, open and non-blocking.
    mutating func takeOurEnd() -> Int32? {
        switch ours.take() {
        case .none: nil
        case .some(let descriptor): descriptor.release()
        }
    }
}
