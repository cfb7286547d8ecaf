/// Traps with `message` unless `condition` holds: how Plait answers a programmer's mistake.
///
/// In place of `precondition`, of which an optimized build keeps the trap but not the message.
@inlinable
package func demand(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
    line: UInt = #line
) {
    if !condition { fatalError("plait: \(message())", file: file, line: line) }
}
