//! After a failover nothing in Redis counts: who loads what, and how often.

use std::collections::HashMap;

use cache_tests::Dice;

use super::Plan;
use super::zipf::{Zipf, classes, fraction};

/// Loads within this many seconds after it, each of which takes `load` seconds. An instance loads a key
/// once at a time; in a cluster that coalesces, so do all of them.
pub(crate) fn simulated(plan: &Plan, seconds: f64, load: f64, coalesces: bool) -> f64 {
    let zipf = Zipf::new(plan.keys as usize, plan.exponent);
    let (mut dice, mut now, mut loads) = (Dice::new(5), 0.0, 0.0);
    // When the first load of a key ends; and of an instance's.
    let mut stored = HashMap::<usize, f64>::new();
    let mut flights = HashMap::<(u64, usize), f64>::new();
    while now < seconds {
        now -= (1.0 - fraction(&mut dice)).ln() / (plan.instances * plan.reads);
        let (instance, key) = (dice.below(plan.instances as u64), zipf.key(&mut dice));
        let first = stored.get(&key).copied();
        if first.is_some_and(|end| now >= end || coalesces)
            || flights.get(&(instance, key)).is_some_and(|end| now < *end)
        {
            continue;
        }
        loads += 1.0;
        flights.insert((instance, key), now + load);
        stored.entry(key).or_insert(now + load);
    }
    loads
}

/// The same by closed form: the first who asks loads, and each of the others that asks before that
/// load has ended.
pub(crate) fn predicted(plan: &Plan, seconds: f64, load: f64, coalesces: bool) -> f64 {
    let each = |share: f64| {
        let asked = -(-plan.instances * plan.reads * share * seconds).exp_m1();
        let others = (plan.instances - 1.0) * -(-plan.reads * share * load).exp_m1();
        asked * (1.0 + if coalesces { 0.0 } else { others })
    };
    classes(plan.keys, plan.exponent).iter().map(|class| class.keys * each(class.share)).sum()
}

/// The part of all reads that request the most popular key.
pub(crate) fn most_popular(plan: &Plan) -> f64 {
    classes(plan.keys, plan.exponent)[0].share
}
