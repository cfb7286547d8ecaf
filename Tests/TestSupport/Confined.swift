/// A value that is not `Sendable`, for closures that must be: the test sees to it that one thread
/// uses it at a time.
package final class Confined<Value>: @unchecked Sendable {
    // Sendable: see above.
    package var value: Value

    package init(_ value: Value) { self.value = value }
}
