internal import CPlaitOpenSSL

/// HMAC-SHA256, the comparison of codes, and random bytes, all from OpenSSL.
enum KeyedCode {
    static let size = 32

    /// The code of `message` with `key`.
    ///
    /// HMAC pads short keys with zeros and hashes long ones, so different keys could give the same
    /// code. This function hashes every key first.
    static func make(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: size)
        let isHashed = unsafe SHA256(key, key.count, &digest) != nil
        var code = [UInt8](repeating: 0, count: size)
        var count: UInt32 = 0
        let isMade =
            unsafe HMAC(
                EVP_sha256(), digest, Int32(digest.count), message, message.count, &code, &count)
            != nil
        guard isHashed, isMade, count == size else {
            fatalError("plait: OpenSSL has no HMAC-SHA256 here: its configuration forbids it")
        }
        return code
    }

    /// Whether two codes are equal. The time that this takes does not tell how much of them is
    /// equal.
    static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard one.count == other.count else { return false }
        return unsafe CRYPTO_memcmp(one, other, one.count) == 0
    }

    static func randomBytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe RAND_bytes(&bytes, Int32(count)) == 1 else {
            fatalError("plait: OpenSSL's random generator has failed")
        }
        return bytes
    }
}
