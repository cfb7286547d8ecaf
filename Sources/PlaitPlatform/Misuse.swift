/// Traps with `message` unless `condition` holds. Plait answers a programmer's mistake with it.
///
/// Plait does not use `precondition`, since an optimized build keeps its trap but drops its
/// message.
@inlinable
package func demand(
    _ condition: Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
    line: UInt = #line
) {
    if !condition { fatalError("plait: \(message())", file: file, line: line) }
}
