internal import PlaitPlatform
internal import Synchronization

/// The bytes that have come over a stream and that nobody has taken. Each stream has one. While it
/// is empty, it has no memory.
///
/// Growing and taking cost time in proportion to the bytes that move. A search for the end of a
/// line goes on where the last search ended.
@safe
public final class StreamInput: @unchecked Sendable {
    // Sendable: `guardLock` guards the rest; `available` is atomic.
    private let guardLock = ShortLock()
    /// The memory. It belongs to the pool if it has the pool's size; empty if there are no bytes.
    private var memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var start = 0
    private var end = 0
    /// How many of the first bytes are known to have no line feed.
    private var searched = 0
    /// How many bytes there are, for checks without the lock.
    private let available = Atomic<Int>(0)

    public init() {}

    deinit { releaseMemory() }

    public var count: Int { available.load(ordering: .relaxed) }
    public var isEmpty: Bool { count == 0 }

    // MARK: Filling

    /// Appends received bytes. Takes over the chunk's buffer if it is the pool's and there are no
    /// other bytes.
    package func append(_ chunk: consuming Chunk) {
        guardLock.lock()
        defer { guardLock.unlock() }
        if start == end && chunk.isPooled {
            releaseMemory()
            end = chunk.count
            unsafe memory = chunk.surrender()
        } else {
            chunk.withBytes { bytes in
                unsafe bytes.withUnsafeBytes { bytes in
                    makeRoom(bytes.count)
                    unsafe UnsafeMutableRawBufferPointer(rebasing: memory[end...])
                        .copyMemory(from: bytes)
                    end += bytes.count
                }
            }
        }
        note()
    }

    /// Puts back bytes that were taken from the front.
    package func prepend(_ bytes: [UInt8]) {
        if bytes.isEmpty { return }
        guardLock.lock()
        defer { guardLock.unlock() }
        let all = UnsafeMutableRawBufferPointer.allocate(
            byteCount: StreamInput.capacity(for: bytes.count + end - start), alignment: 64)
        unsafe all.copyBytes(from: bytes)
        unsafe UnsafeMutableRawBufferPointer(rebasing: all[bytes.count...]).copyMemory(
            from: UnsafeRawBufferPointer(rebasing: memory[start..<end]))
        let total = bytes.count + end - start
        releaseMemory()
        unsafe memory = unsafe all
        end = total
        note()
    }

    // MARK: Taking

    /// Takes up to `count` bytes.
    package func take(_ count: Int) -> [UInt8] {
        guardLock.lock()
        defer { guardLock.unlock() }
        let taken = min(count, end - start)
        let bytes = unsafe [UInt8](UnsafeRawBufferPointer(rebasing: memory[start..<start + taken]))
        drop(taken)
        return bytes
    }

    package func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        guardLock.lock()
        defer { guardLock.unlock() }
        let taken = min(buffer.count, end - start)
        unsafe buffer.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: memory[start..<start + taken]))
        drop(taken)
        return taken
    }

    /// A copy of up to `count` bytes, which are not taken.
    package func peek(_ count: Int) -> [UInt8] {
        guardLock.lock()
        defer { guardLock.unlock() }
        let seen = min(count, end - start)
        return unsafe [UInt8](UnsafeRawBufferPointer(rebasing: memory[start..<start + seen]))
    }

    // MARK: Lines

    package enum LineSearch: Equatable {
        /// The line has `content` bytes without its end, and takes `total`.
        case found(content: Int, total: Int)
        /// More bytes must come.
        case open
        /// There are more bytes than the limit without an end of a line.
        case tooLong
        /// There are no bytes, and no more will come.
        case ended
    }

    /// Looks for the first line, which ends with `\n` or `\r\n`. The last line of a stream may lack
    /// an end.
    ///
    /// The result does not depend on how the bytes came.
    /// - Parameters:
    ///   - most: The most bytes of a line, without its end.
    ///   - hasEnded: Whether no more bytes will come.
    package func findLine(atMost most: Int, hasEnded: Bool) -> LineSearch {
        guardLock.lock()
        defer { guardLock.unlock() }
        let count = end - start
        if let place = newline() {
            let content = place > 0 && byte(place - 1) == 0x0D ? place - 1 : place
            return content > most ? .tooLong : .found(content: content, total: place + 1)
        }
        searched = count
        if hasEnded && count == 0 { return .ended }
        // A carriage return at the end may belong to the end of the line.
        let content = count > 0 && byte(count - 1) == 0x0D ? count - 1 : count
        if content > most { return .tooLong }
        return hasEnded ? .found(content: content, total: count) : .open
    }

    /// Takes a line that ``findLine(atMost:hasEnded:)`` has found.
    package func takeLine(content: Int, total: Int) -> [UInt8] {
        guardLock.lock()
        defer { guardLock.unlock() }
        let content = min(content, end - start)
        let line = unsafe [UInt8](UnsafeRawBufferPointer(rebasing: memory[start..<start + content]))
        drop(min(total, end - start))
        return line
    }

    /// Takes a line as text. Returns nil, without taking the line, if it is not UTF-8 and must not
    /// be repaired.
    package func takeText(content: Int, total: Int, _ invalid: InvalidUTF8) -> String? {
        guardLock.lock()
        defer { guardLock.unlock() }
        let content = min(content, end - start)
        let line = unsafe UnsafeRawBufferPointer(rebasing: memory[start..<start + content])
        let text: String? =
            switch invalid {
            case .repair: unsafe String(decoding: line, as: UTF8.self)
            case .refuse: unsafe String(validating: line, as: UTF8.self)
            }
        if text != nil { drop(min(total, end - start)) }
        return text
    }

    /// The position of the first line feed. Called under the lock.
    private func newline() -> Int? {
        guard let base = unsafe memory.baseAddress, end - start > searched else { return nil }
        return unsafe findByte(0x0A, base + start + searched, count: end - start - searched).map {
            $0 + searched
        }
    }

    private func byte(_ place: Int) -> UInt8 { unsafe memory[start + place] }

    // MARK: Memory

    /// Drops bytes from the front. Called under the lock.
    private func drop(_ count: Int) {
        start += count
        searched = max(0, searched - count)
        // An idle connection keeps no memory for input.
        if start == end { releaseMemory() }
        note()
    }

    private func note() { available.store(end - start, ordering: .relaxed) }

    private static func capacity(for count: Int) -> Int {
        // Avoid the pool's size, by which its buffers are recognised.
        max(count, BufferPool.size + 64)
    }

    /// Makes room for `count` more bytes. Moves the bytes to the front if that is cheap, and
    /// otherwise doubles the memory.
    private func makeRoom(_ count: Int) {
        if unsafe memory.count - end >= count { return }
        let present = end - start
        let kept = unsafe UnsafeRawBufferPointer(rebasing: memory[start..<end])
        if unsafe present <= start && memory.count - present >= count {
            unsafe memory.copyMemory(from: kept)
        } else {
            let larger = UnsafeMutableRawBufferPointer.allocate(
                byteCount: StreamInput.capacity(for: 2 * (present + count)), alignment: 64)
            unsafe larger.copyMemory(from: kept)
            let searched = searched
            releaseMemory()
            self.searched = searched
            unsafe memory = unsafe larger
        }
        (start, end) = (0, present)
    }

    private func releaseMemory() {
        if unsafe memory.baseAddress != nil {
            if unsafe memory.count == BufferPool.size {
                unsafe BufferPool.shared.give(memory)
            } else {
                unsafe memory.deallocate()
            }
        }
        unsafe memory = unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0)
        (start, end, searched) = (0, 0, 0)
    }
}
