//! Simulation against closed form, and then the large sizes.

use super::world::World;
use super::{Counted, Plan, Predicted, cold};
use crate::table::{agree, number, say, title};
use crate::{is_full, paper};

fn compare(what: &str, plan: &Plan) -> (Counted, Predicted) {
    let (counted, predicted) = (World::new(*plan, 1).run(), Predicted::of(plan));
    title(&format!("Simulated, and by closed form: {what}"));
    let second = |count: f64| count / counted.seconds;
    agree(
        "hits in memory, of all reads",
        counted.memory_hits / counted.reads,
        predicted.memory_hits,
    );
    let asked = counted.reads - counted.memory_hits;
    agree("hits in Redis, of the rest", counted.redis_hits / asked, predicted.redis_hits);
    let cached_tokens = counted.token_cache_hits / counted.token_cache_looks;
    agree("of which by the token cache", cached_tokens, predicted.token_cache_hits);
    agree("commands a second", second(counted.commands), predicted.commands);
    agree("deliveries a second", second(counted.deliveries), predicted.deliveries);
    agree("entries in Redis that count", counted.entries, predicted.entries);
    agree("tokens in Redis", counted.tokens, predicted.tokens);
    say("copies found stale by a false share, a second", second(counted.false_shares), "");
    (counted, predicted)
}

#[test]
fn simulation_and_closed_form_agree_at_each_size() {
    let plan = Plan::small();
    let plan = if is_full() { Plan { keys: 200_000.0, ..plan } } else { plan };
    let base = compare("8 instances", &plan);
    if !is_full() {
        return;
    }
    for instances in [16.0, 32.0] {
        let more = compare(&format!("{instances} instances"), &Plan { instances, ..plan });
        assert_linear("deliveries", base.0.deliveries, more.0.deliveries, instances / 8.0);
        let asked = |counted: &Counted| counted.reads - counted.memory_hits;
        assert_linear("reads of Redis", asked(&base.0), asked(&more.0), instances / 8.0);
    }
    for times in [2.0, 4.0] {
        let (names, prefixes) = (plan.names * times, plan.prefixes * times);
        let more = Plan { names, prefixes, ..plan };
        let more = compare(&format!("{times} times as many invalidations"), &more);
        assert_linear("deliveries", base.0.deliveries, more.0.deliveries, times);
    }
    for times in [2.0, 4.0] {
        let (keys, copies) = (plan.keys * times, plan.copies * times);
        compare(&format!("{times} times as many keys"), &Plan { keys, copies, ..plan });
    }
    compare("50 prefixes", &Plan { per_prefix: plan.keys / 50.0, prefixes: 0.05, ..plan });
    compare("memory for everything", &Plan { copies: plan.keys, ..plan });
}

fn assert_linear(what: &str, one: f64, many: f64, times: f64) {
    let growth = many / one;
    println!("  {what} grow by {growth:.2}, for {times} times as many");
    assert!((growth / times - 1.0).abs() < 0.1, "{what}: {growth}, not {times}");
}

#[test]
fn false_shares_are_as_many_as_counters_are_few() {
    let plan = Plan { names: 400.0, ..Plan::small() };
    let sizes: &[f64] = if is_full() { &[1_024.0, 4_096.0, 524_288.0] } else { &[1_024.0] };
    for slots in sizes {
        compare(&format!("400 names a second, {slots} counters"), &Plan { slots: *slots, ..plan });
    }
}

#[test]
fn a_notice_that_comes_three_times_costs_a_few_reads() {
    let once = Plan { instances: 4.0, names: 200.0, slots: 524_288.0, ..Plan::small() };
    let thrice = Plan { notices: 3.0, apart: 0.005, ..once };
    let [one, three] = [once, thrice].map(|plan| World::new(plan, 1).run());
    title("Each notice once, and three times, 5 ms apart");
    let rows = [
        ("deliveries", one.deliveries, three.deliveries),
        ("copies found stale by no invalidation", one.false_shares, three.false_shares),
        ("hits in memory", one.memory_hits, three.memory_hits),
    ];
    for (what, one, three) in rows {
        println!("  {what:46} {:>12} {:>12}", number(one), number(three));
    }
    assert!((three.deliveries / one.deliveries / 3.0 - 1.0).abs() < 0.1);
    assert!((three.memory_hits / one.memory_hits - 1.0).abs() < 0.01);
}

#[test]
fn loads_after_a_failover_are_as_predicted() {
    let plan = Plan { instances: 20.0, keys: 5_000.0, ..Plan::small() };
    title("Loads in 10 s after a failover, of 5,000 keys and 20 instances; a load takes 0.1 s");
    for (what, coalesces) in [("one load in a process", false), ("one load in a cluster", true)] {
        let [simulated, predicted] =
            [cold::simulated, cold::predicted].map(|loads| loads(&plan, 10.0, 0.1, coalesces));
        agree(what, simulated, predicted);
    }
}

/// Nothing of this has been run: it is what the closed forms say, which the simulation has confirmed at
/// small sizes.
#[test]
fn the_figures_of_the_paper_are_printed() {
    for invalidations in [0.0, 1_000.0, 10_000.0] {
        let plan = Plan::large().invalidating(invalidations);
        let all = Predicted::of(&plan);
        title(&format!("1,000 instances, 10^9 keys, {invalidations} invalidations a second"));
        say("hits in memory, of all reads", all.memory_hits, "");
        say("copies in the memory of an instance that count", all.copies, "");
        say("hits in Redis, of the rest", all.redis_hits, "");
        say("of which by the token cache", all.token_cache_hits, "");
        say("reads of Redis a second", all.reads, "");
        say("of which MGET", all.mgets, "");
        say("loads a second, of two scripts each", all.loads, "");
        say("commands a second, with invalidations", all.commands, "");
        say("entries in Redis that count", all.entries, "");
        say("tokens in Redis", all.tokens, "");
        say("deliveries a second", all.deliveries, "");
        let bytes = paper::notice_bytes(paper::NAMESPACE, &["a:0:100000"]) as f64;
        say("bytes a second of the feed, short names", all.deliveries * bytes, "bytes");
        say("an entry's false shares a second", plan.false_shares(), "");
        let life = -(-plan.false_shares() * plan.memory_ttl).exp_m1() / plan.false_shares();
        say("mean life of a copy, of 60 s", if invalidations > 0.0 { life } else { 60.0 }, "s");
        let most = Predicted::of(&Plan { slots: f64::from(1 << 22), ..plan });
        say("hits in memory with 2^22 counters", most.memory_hits, "");
        let long = Predicted::of(&Plan { memory_ttl: 600.0, ..plan });
        say("hits in memory with CACHE_MEMORY_TTL=10m", long.memory_hits, "");
        for (prefixes, per_prefix) in [("10^4 prefixes", 1e5), ("one prefix", plan.keys)] {
            let few = Predicted::of(&Plan { per_prefix, prefixes: 0.0, ..plan });
            say(&format!("MGET a second with {prefixes}"), few.mgets, "");
        }
    }
    brief();
    idle();
    failover();
}

/// The same reads with the TTL of the defaults: tokens live a day all the same.
fn brief() {
    title("1,000 instances, 10^9 keys, a TTL of 5 minutes");
    let large = Plan::large().invalidating(1_000.0);
    let all = Predicted::of(&Plan { ttl: 300.0, token_life: large.token_life / 2.0, ..large });
    say("entries in Redis that count", all.entries, "");
    say("loads a second, of two scripts each", all.loads, "");
    say("tokens in Redis", all.tokens, "");
}

fn idle() {
    title("1,000 idle instances");
    let instances = 1_000.0;
    say("connections", instances * paper::CONNECTIONS, "");
    say("memory of connections, at most", instances * paper::CONNECTIONS_BYTES, "bytes");
    say("pings a second", instances * paper::PINGS, "");
    say("bytes a second of pings", instances * paper::PINGS * paper::PING_BYTES, "bytes");
    say("bytes a second of health checks", instances * paper::CHECK_BYTES / 30.0, "bytes");
    say("reports a second, of busy instances", instances / 5.0, "");
    say("bytes a second of those", instances * paper::REPORT_BYTES / 5.0, "bytes");
    for (what, bytes) in [
        ("named after functions", paper::NAMED_BY_FUNCTION),
        ("with short names", paper::NAMED_SHORT),
    ] {
        say(&format!("bytes of 10^9 entries {what}"), 1e9 * bytes, "bytes");
    }
    say("bytes of 10^7 tokens", 1e7 * paper::TOKEN, "bytes");
}

fn failover() {
    let plan = Plan::large();
    title("After a failover, where a load takes 0.1 s");
    for (what, coalesces) in [("process", false), ("cluster", true)] {
        for seconds in [1.0, 10.0, 60.0] {
            let loads = cold::predicted(&plan, seconds, 0.1, coalesces);
            say(&format!("loads in {seconds} s, one at a time in a {what}"), loads, "");
        }
        let first = Plan { keys: 1.0, reads: plan.reads * cold::most_popular(&plan), ..plan };
        let loads = cold::predicted(&first, 10.0, 0.1, coalesces);
        say("  of the most popular key", loads, "");
    }
}
