//! Refreshes a value before its TTL is over, so that callers do not all find it stale at the same time.
//!
//! The rule is `XFetch` (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention,
//! 2015). Each caller that is served a value refreshes it with a probability that grows towards the end of
//! its TTL. The longer a load takes, the earlier the refresh begins. On average, the first one begins about
//! `beta` load times, multiplied by the logarithm of the number of callers in that time, before the end.

/// The logarithm of the smallest number that can be drawn is -36.7, which is 53 times that of one half.
const FURTHEST: f64 = 37.0;

/// Returns true if a caller that is served a value refreshes it. The load of the value took `load_micros`,
/// and the value is fresh for another `left_ms`. `random` returns any number; it is called only if it
/// matters.
pub(crate) fn is_due(
    beta: f64,
    load_micros: u64,
    left_ms: u64,
    random: impl FnOnce() -> u64,
) -> bool {
    let (load_ms, left_ms) = (load_micros as f64 / 1_000.0 * beta, left_ms as f64);
    if load_ms * FURTHEST <= left_ms {
        return false;
    }
    // A number in (0, 1], from as many bits as a double holds.
    let uniform = ((random() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    load_ms * -uniform.ln() > left_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::random;

    /// Returns the fraction of callers that are due, measured over many of them.
    fn measured(beta: f64, load_ms: u64, left_ms: u64) -> f64 {
        let callers = 100_000;
        let due = (0..callers).filter(|_| is_due(beta, load_ms * 1_000, left_ms, random::cheap));
        due.count() as f64 / f64::from(callers)
    }

    #[test]
    fn the_rate_is_that_of_the_formula() {
        for (beta, load_ms, left_ms) in
            [(1.0, 100, 100), (1.0, 100, 300), (2.0, 100, 300), (0.5, 200, 50)]
        {
            // P(-ln(u) * beta * load > left)
            let expected = (-(left_ms as f64) / (beta * load_ms as f64)).exp();
            let measured = measured(beta, load_ms, left_ms);
            // The tolerance is five standard deviations.
            let tolerance = 5.0 * (expected * (1.0 - expected) / 100_000.0).sqrt();
            assert!((measured - expected).abs() < tolerance, "{measured} is not {expected}");
        }
    }

    #[test]
    fn at_the_end_everybody_is_due_and_without_a_load_time_nobody() {
        assert!(measured(1.0, 100, 0) > 0.999);
        assert!(measured(1.0, 0, 1) < f64::EPSILON);
        assert!(measured(0.0, 100, 1) < f64::EPSILON);
    }
}
