/// Whether state machines are explored to the end: tens of thousands of states, seconds in a
/// release build. A debug build would take minutes for it, and keep the processors from all other
/// tests.
public let exploresAll: Bool = {
    #if DEBUG
        false
    #else
        true
    #endif
}()
