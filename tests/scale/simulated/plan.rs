//! The parameters of a simulation.

use crate::paper;

/// Instances, what they request, and what they invalidate. Times are in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) instances: f64,
    pub(crate) keys: f64,
    /// This many keys have one prefix of their own, beside the one that all have.
    pub(crate) per_prefix: f64,
    /// The exponent of Zipf's law, by which keys are requested.
    pub(crate) exponent: f64,
    /// Reads of an instance a second.
    pub(crate) reads: f64,
    /// Names that are invalidated a second, all keys alike.
    pub(crate) names: f64,
    /// Prefixes that are invalidated a second, all of them alike.
    pub(crate) prefixes: f64,
    /// The time for which an entry is fresh.
    pub(crate) ttl: f64,
    /// `CACHE_MEMORY_TTL`.
    pub(crate) memory_ttl: f64,
    /// The lifetime of a token.
    pub(crate) token_life: f64,
    /// The number of copies that fit into the memory of an instance.
    pub(crate) copies: f64,
    /// The number of tags in the token cache.
    pub(crate) token_cache: f64,
    /// Counters for names, and as many for tags.
    pub(crate) slots: f64,
    /// The number of times that each notice arrives, and the time between them.
    pub(crate) notices: f64,
    pub(crate) apart: f64,
}

impl Plan {
    /// Small enough to be simulated in the blink of an eye. A minute stands for what is five in
    /// the defaults, and so on.
    pub(crate) fn small() -> Self {
        Plan {
            instances: 8.0,
            keys: 20_000.0,
            per_prefix: 20.0,
            exponent: 0.9,
            reads: 500.0,
            names: 20.0,
            prefixes: 1.0,
            ttl: 60.0,
            memory_ttl: 12.0,
            token_life: 120.0,
            copies: 2_000.0,
            token_cache: 700.0,
            slots: 4_096.0,
            notices: 1.0,
            apart: 0.0,
        }
    }

    /// 1,000 instances and 10^9 keys with the defaults, and a TTL of a day: with one of five minutes
    /// these many reads would not keep this many entries alive.
    pub(crate) fn large() -> Self {
        let day = 24.0 * 3_600.0;
        Plan {
            instances: 1_000.0,
            keys: 1e9,
            per_prefix: 100.0,
            exponent: 0.9,
            reads: 1_000.0,
            names: 990.0,
            prefixes: 10.0,
            ttl: day,
            memory_ttl: 60.0,
            token_life: 2.0 * day,
            copies: paper::CAPACITY / paper::COPY,
            token_cache: paper::TOKEN_CACHE,
            slots: paper::SLOTS,
            notices: 1.0,
            apart: 0.0,
        }
    }

    /// With this many invalidations a second, one in a hundred of which is of a prefix.
    pub(crate) fn invalidating(self, invalidations: f64) -> Self {
        Plan { names: invalidations * 0.99, prefixes: invalidations * 0.01, ..self }
    }

    pub(crate) fn groups(&self) -> f64 {
        self.keys / self.per_prefix
    }

    pub(crate) fn invalidations(&self) -> f64 {
        self.names + self.prefixes
    }

    /// Returns how often an entry in memory becomes stale through an unrelated invalidation that shares
    /// its counter: that of its name, or those of its two tags. A prefix has a counter of each kind.
    pub(crate) fn false_shares(&self) -> f64 {
        (self.invalidations() + 2.0 * self.prefixes) / self.slots
    }
}
