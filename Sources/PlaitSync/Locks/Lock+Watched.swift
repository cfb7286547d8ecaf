package import PlaitParking
internal import Synchronization

extension Lock: WatchedLock {
    var holders: [StrandKey] {
        let bits = holderBits.load(ordering: .relaxed)
        return bits == 0 ? [] : [StrandKey(bits: bits)]
    }

    var title: String { "\(type) \(label)" }
}

extension Lock: LabelledObject {
    package var holderOfWaits: StrandKey? {
        let key = StrandKey(bits: holderBits.load(ordering: .relaxed))
        return key == .none ? nil : key
    }
}
