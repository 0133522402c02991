//! Predicts the results of a plan with closed formulas.
//!
//! A copy in memory lives until its time is over, until it or what shares its counter is invalidated,
//! or until nobody has requested it for so long that others have taken its place (Che's
//! approximation). In between it answers; the read after its end goes to Redis. What all instances
//! ask there meets an entry that lives in the same way. Both are renewal processes: the part of the
//! reads that are answered is `r L / (1 + r L)`, of reads `r` a second and a life of `L`.

use super::Plan;
use super::zipf::classes;

/// A second, of all instances together, where nothing else is said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Predicted {
    /// Parts of all reads.
    pub(crate) memory_hits: f64,
    /// Of those that reach Redis.
    pub(crate) redis_hits: f64,
    /// Of the looks at it.
    pub(crate) token_cache_hits: f64,
    /// Of Redis.
    pub(crate) reads: f64,
    /// Those of them that request tokens, too.
    pub(crate) mgets: f64,
    pub(crate) loads: f64,
    pub(crate) commands: f64,
    pub(crate) deliveries: f64,
    pub(crate) entries: f64,
    pub(crate) tokens: f64,
    /// Copies in the memory of an instance that count.
    pub(crate) copies: f64,
}

impl Predicted {
    pub(crate) fn of(plan: &Plan) -> Self {
        let classes = classes(plan.keys, plan.exponent);
        let rates: Vec<_> =
            classes.iter().map(|class| (class.keys, class.share * plan.reads)).collect();
        let idle = characteristic(&rates, plan.copies);
        let (own, group) = (plan.names / plan.keys, plan.prefixes / plan.groups());
        // A copy does not outlive its entry.
        let longest = plan.memory_ttl * (1.0 - plan.memory_ttl / plan.ttl / 2.0);
        let ends = own + group + plan.false_shares();
        let mut all = Predicted::default();
        let mut answered = 0.0;
        let mut past_memory = Vec::new();
        for (keys, rate) in rates {
            let life = life(ends + eviction(rate, idle), longest);
            let in_memory = answered_part(rate, life);
            let asked = rate * (1.0 - in_memory);
            let in_redis = answered_part(plan.instances * asked, self::life(own + group, plan.ttl));
            answered += keys * rate * in_memory;
            all.entries += keys * in_redis;
            all.copies += keys * in_memory;
            past_memory.push(Past {
                keys,
                found: asked * in_redis,
                made: asked * (1.0 - in_redis),
                early: -(-ends * longest).exp_m1(),
            });
        }
        let sum = |of: fn(&Past) -> f64| past_memory.iter().map(|past| past.keys * of(past)).sum();
        let (found, made): (f64, f64) = (sum(|past| past.found), sum(|past| past.made));
        all.memory_hits = answered / plan.reads;
        all.redis_hits = found / (found + made);
        all.reads = plan.instances * (found + made);
        all.loads = plan.instances * made;
        all.token_cache_hits = cached_tokens(plan, &past_memory, found, made, group);
        all.mgets = all.reads * (1.0 - all.token_cache_hits);
        all.commands = all.reads + 2.0 * all.loads + plan.invalidations();
        all.deliveries = plan.invalidations() * plan.instances * plan.notices;
        let loaded = all.loads / plan.groups();
        let noted = loaded / (loaded + group);
        all.tokens = plan.groups() * noted * -(-(loaded + group) * plan.token_life).exp_m1() + 1.0;
        all
    }
}

/// Keys that an instance finds in Redis, and loads, so often each.
struct Past {
    keys: f64,
    found: f64,
    made: f64,
    /// The part of the copies that are made stale before their time.
    early: f64,
}

/// The part of the looks at Redis for which the token cache has the tokens. A token that was noted with a
/// copy ends with it: so it is the other keys of the prefix, as they are on average, that keep the token
/// there, and this key only if its copy was made stale.
fn cached_tokens(
    plan: &Plan,
    past_memory: &[Past],
    found: f64,
    made: f64,
    invalidated: f64,
) -> f64 {
    let mean = |of_all: f64| of_all / plan.keys * (plan.per_prefix - 1.0);
    let prefix =
        |past: &Past| (past.early * past.found + mean(found), past.early * past.made + mean(made));
    let asked: Vec<_> = past_memory
        .iter()
        .map(|past| (past.keys / plan.per_prefix, prefix(past).0 + prefix(past).1))
        .collect();
    let idle = characteristic(&asked, plan.token_cache);
    let hits = past_memory.iter().map(|past| {
        let (looks, loads) = prefix(past);
        // It is invalidated, or one that has its counter. (When that is the counter of the prefix that
        // all have, one look misses, and fetches it.)
        let shared = plan.prefixes / plan.slots;
        let ends = invalidated + shared + eviction(looks + loads, idle);
        // Each load notes it again.
        let once = life(ends + loads, plan.memory_ttl);
        let pause = (1.0 - loads * once) / (looks + loads);
        past.keys * past.found * once / (once + pause)
    });
    hits.sum::<f64>() / found
}

/// The mean life of what ends at random so often, and after `longest`.
fn life(ends: f64, longest: f64) -> f64 {
    if ends * longest < 1e-9 { longest } else { -(-ends * longest).exp_m1() / ends }
}

fn answered_part(rate: f64, life: f64) -> f64 {
    rate * life / (1.0 + rate * life)
}

/// Returns the rate at which items that are used at this rate are evicted.
fn eviction(rate: f64, idle: f64) -> f64 {
    let gap = (-rate * idle).exp();
    if gap == 0.0 { 0.0 } else { rate * gap / (1.0 - gap) }
}

/// For how long something can lie there before it makes room for others.
fn characteristic(rates: &[(f64, f64)], capacity: f64) -> f64 {
    let used = |idle: f64| -> f64 {
        rates.iter().map(|(keys, rate)| keys * -(-rate * idle).exp_m1()).sum()
    };
    let (mut low, mut high) = (0.0, 1e9);
    if used(high) <= capacity {
        return f64::INFINITY;
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if used(middle) < capacity { low = middle } else { high = middle }
    }
    low
}
