import TestSupport
import Testing

@testable import PlaitCommand

struct LatencyHistogramTests {
    @Test func `every duration has a step that reaches it and is 1.6 percent wide`() {
        var random = SeededRandom(7)
        let values = (0...200).map(UInt64.init) + [.max, .max - 1, 1 << 63]
        for value in values + (0..<2_000).map({ _ in random.next() >> UInt64.random(in: 0..<60) }) {
            let end = LatencyHistogram.upperEnd(LatencyHistogram.index(value))
            #expect(end >= value)
            #expect(Double(end) <= Double(value) * 1.016 + 1)
        }
    }

    @Test func `quantiles are those of the values`() {
        var histogram = LatencyHistogram()
        #expect(histogram.quantile(0.5) == nil)
        for value in 1...1_000 { histogram.note(UInt64(value) * 1_000) }
        for share in [0.001, 0.5, 0.99, 0.999, 1] {
            let exact = share * 1_000_000
            let found = Double(histogram.quantile(share)!)
            #expect(found >= exact && found <= exact * 1.017)
        }
        #expect(histogram.total == 1_000)
    }
}
