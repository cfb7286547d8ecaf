internal import Glibc

/// Whether two spans hold the same bytes.
package func areEqual(_ one: RawSpan, _ two: RawSpan) -> Bool {
    guard one.byteCount == two.byteCount else { return false }
    return unsafe one.withUnsafeBytes { one in
        unsafe two.withUnsafeBytes { two in
            guard let first = one.baseAddress, let second = two.baseAddress else { return true }
            return unsafe memcmp(first, second, one.count) == 0
        }
    }
}

/// The offset of the first `byte` in `count` bytes; nil if there is none.
package func findByte(_ byte: UInt8, _ start: UnsafeRawPointer, count: Int) -> Int? {
    unsafe memchr(start, Int32(byte), count).map { unsafe UnsafeRawPointer($0) - start }
}
