public import Testing

extension TimeLimitTrait.Duration {
    /// For tests that may hang when they fail. It is no measure of speed: hundreds of tests share
    /// the processors, and each limit counts from the beginning of them all.
    public static var hang: TimeLimitTrait.Duration { .minutes(10) }
}
