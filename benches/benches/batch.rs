//! One call for 100 ids of a function of many keys: beside 100 calls of a function of one key, a raw `MGET`, and a
//! `DataLoader`; in memory, in Redis, in a cluster, and cold.

use std::cell::Cell;
use std::time::{Duration, Instant};

use cache_benches::batch::cluster::{RawLists, Requests};
use cache_benches::batch::redis::Lists;
use cache_benches::batch::{AT_ONCE, Batches, cold, graph, install, memory};
use cache_benches::redis::series::publish_figures;
use cache_benches::redis::{Cursor, Failure, Group, SMALL, raw, spread};
use cache_benches::{Contender, Effort, Figure, compare, measure, publish, ready, record};
use cache_tests::{RedisCluster, RedisServer};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const BENCHMARK: &str = "batch";
/// The callers of ids that overlap.
const CALLERS: u64 = 50;
/// The number of lists of ids in a cluster, where the master of each key has to be found first.
const LISTS_OF_CLUSTER: u64 = 20;

fn main() -> Result<(), Failure> {
    install();
    in_memory(AT_ONCE as u64);
    in_memory(10_000);
    cold_ids()?;
    let runtime = Runtime::new()?;
    shared_loads(&runtime);
    in_redis(&runtime)?;
    in_cluster(&runtime)
}

/// Hits in memory, polled directly.
fn in_memory(keys: u64) {
    let batches = &Batches::of(keys);
    let effort = Effort::full(60, 1_000);
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    let loader = &graph::loader();
    for ids in batches.cycle(keys as usize / AT_ONCE) {
        memory::MAPS.iter().chain(&memory::LISTS).for_each(|(_, ask)| ask(ids));
        runtime.block_on(graph::load(loader, ids));
    }
    let loads = memory::loads();
    let keys = if keys == 10_000 { "10,000 keys" } else { "100 keys" };
    let ours = |ways: [(&'static str, memory::Ask); 3]| {
        ways.map(|(name, ask)| {
            Contender::new(name, move || batches.cycle(effort.calls).for_each(ask))
        })
    };
    let by_graph = Contender::new("async-graphql DataLoader", || {
        for ids in batches.cycle(effort.calls) {
            std::hint::black_box(ready(graph::load(loader, ids)));
        }
    });
    let maps = ours(memory::MAPS).into_iter().chain([by_graph]).collect();
    compare(BENCHMARK, &format!("100 ids in memory, HashMap, {keys}"), effort, maps);
    let lists = ours(memory::LISTS).into();
    compare(BENCHMARK, &format!("100 ids in memory, Vec, {keys}"), effort, lists);
    assert_eq!(memory::loads(), loads, "only hits");
}

/// Misses whose bodies return at once, on the runtime of one thread.
fn cold_ids() -> Result<(), Failure> {
    let runtime = &Builder::new_current_thread().enable_all().build()?;
    let effort = Effort::full(40, 30);
    let loader = &graph::loader();
    let turn = |name, ask: fn(&graph::GraphLoader, &[u64], &Runtime) -> usize| {
        let next = Cell::new(0);
        Contender::timed(name, move || {
            let batches = Batches::fresh(&next, effort.calls);
            let (began, loads) = (Instant::now(), memory::loads());
            for ids in batches.cycle(effort.calls) {
                assert_eq!(ask(loader, ids, runtime), AT_ONCE);
            }
            let took = began.elapsed();
            assert_eq!(memory::loads() - loads, effort.calls * AT_ONCE, "only misses");
            took
        })
    };
    let contenders = vec![
        turn("cache-runtime", |_, ids, runtime| runtime.block_on(cold::many(ids)).len()),
        turn("100 calls in turn", |_, ids, runtime| runtime.block_on(cold::one_by_one(ids)).len()),
        turn("100 calls side by side", |_, ids, runtime| {
            runtime.block_on(cold::side_by_side(ids)).len()
        }),
        turn("async-graphql DataLoader", |loader, ids, runtime| {
            runtime.block_on(graph::load(loader, ids)).len()
        }),
    ];
    compare(BENCHMARK, "100 cold ids, in memory", effort, contenders);
    Ok(())
}

/// Callers at once of cold ids that overlap, as a multiple of the time of one call.
fn shared_loads(runtime: &Runtime) {
    let next = &Cell::new(0);
    let most = Cell::new(0.0_f64);
    let fresh = || next.replace(next.get() + 2 * AT_ONCE as u64);
    let alone = || {
        let ids = ids_from(fresh());
        _ = runtime.block_on(async { tokio::spawn(async move { cold::slow(&ids).await }).await });
    };
    let herd = || {
        let (first, loads) = (fresh(), cold::slow_loads());
        let took = runtime.block_on(overlapping(first));
        let (loads, ids) = (cold::slow_loads() - loads, AT_ONCE as u64 + CALLERS - 1);
        assert_eq!(loads as u64, ids, "each id is loaded once");
        most.set(most.get().max(loads as f64 / ids as f64));
        took
    };
    let effort = Effort { calls: 1, ..Effort::full(20, 1) };
    let contenders =
        vec![Contender::new("one load", alone), Contender::timed("cache-runtime", herd)];
    publish(BENCHMARK, "50 callers of 100 cold ids, time", &measure(effort, contenders));
    let group = "50 callers of 100 cold ids, loads of an id";
    println!("\n{group}\n  {:32} {:>11}", "cache-runtime", most.get());
    record(BENCHMARK, &[Figure::new(group, "cache-runtime", most.get(), "loads")]);
}

/// Each caller has one id that those before it do not have; every second one has its ids in the opposite order.
async fn overlapping(first: u64) -> Duration {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let mut ids = ids_from(first + caller);
        if caller % 2 == 1 {
            ids.reverse();
        }
        callers.spawn(async move { assert_eq!(cold::slow(&ids).await.len(), AT_ONCE) });
    }
    callers.join_all().await;
    began.elapsed()
}

fn ids_from(first: u64) -> Vec<u64> {
    (first..first + AT_ONCE as u64).collect()
}

/// Hits in Redis of values of 100 B, which memory has no room for.
fn in_redis(runtime: &Runtime) -> Result<(), Failure> {
    let server = RedisServer::start();
    let count = SMALL.keys / AT_ONCE as u64;
    let lists = &runtime.block_on(Lists::start(&server.url(), count))?;
    let mut connection = runtime.block_on(raw::connect(&server.url()))?;
    runtime.block_on(raw::fill(&mut connection, SMALL))?;
    let (connection, keys) = (&connection, raw::keys(SMALL));
    let keys: std::sync::Arc<[Vec<String>]> = keys.chunks(AT_ONCE).map(<[_]>::to_vec).collect();
    // They go on from group to group, so that no one finds in memory what the last group has left there.
    let cursors = [(); 4].map(|()| Cursor::new(count));
    for (mode, is_tiered) in [("tiered", true), ("mode redis", false)] {
        let (keys, by_list, by_id) = (keys.clone(), lists.clone(), lists.clone());
        let mut group = Group::new(runtime, 1, Effort::full(30, 20))
            .with("raw redis-rs, MGET", &cursors[0], move |ids| {
                raw::mget(connection.clone(), keys.clone(), ids)
            })
            .with("cache-runtime", &cursors[1], move |ids| by_list.clone().by_list(is_tiered, ids))
            .with("100 calls in turn", &cursors[2], move |ids| by_id.clone().by_id(is_tiered, ids));
        if is_tiered {
            let lists = lists.clone();
            let ask = move |ids| lists.clone().by_entry(ids);
            group = group.with("cache-runtime, entry", &cursors[3], ask);
        }
        let title = format!("100 ids in Redis, {mode}");
        group.compare(BENCHMARK, &title, &format!("{title}, p50"));
    }
    lists.check()
}

/// Hits in a cluster of three masters, and the requests that one call makes.
fn in_cluster(runtime: &Runtime) -> Result<(), Failure> {
    let cluster = RedisCluster::start();
    let by_hand = &runtime.block_on(RawLists::start(&cluster, LISTS_OF_CLUSTER))?;
    let lists = &runtime.block_on(Lists::start(&cluster.url(), LISTS_OF_CLUSTER))?;
    let cursors = [(); 2].map(|()| Cursor::new(LISTS_OF_CLUSTER));
    for (mode, is_tiered) in [("tiered", true), ("mode redis", false)] {
        let by_hand = |ids| by_hand.clone().get(ids);
        let by_list = |ids| lists.clone().by_list(is_tiered, ids);
        let title = format!("100 ids on a cluster, {mode}");
        Group::new(runtime, 1, Effort::full(30, 20))
            .with("raw redis-rs, GETs pipelined", &cursors[0], by_hand)
            .with("cache-runtime", &cursors[1], by_list)
            .compare(BENCHMARK, &title, &format!("{title}, p50"));
        let calls: usize = 200;
        let counted = |turn: &dyn Fn()| {
            let before = Requests::of(&cluster);
            turn();
            let after = Requests::of(&cluster);
            [after.commands_since(&before), after.reads_since(&before)]
                .map(|number| number as f64 / calls as f64)
        };
        let raw = counted(&|| {
            runtime.block_on(spread(1, calls, &cursors[0], None, by_hand));
        });
        let ours = counted(&|| {
            runtime.block_on(spread(1, calls, &cursors[1], None, by_list));
        });
        for (at, what) in ["commands", "reads of the masters"].into_iter().enumerate() {
            let group = format!("requests for 100 ids on a cluster, {mode}, {what}");
            let figure =
                |name, numbers: [f64; 2]| Figure::new(&group, name, numbers[at], "round trips");
            let figures =
                [figure("raw redis-rs, GETs pipelined", raw), figure("cache-runtime", ours)];
            publish_figures(BENCHMARK, &figures);
        }
    }
    lists.check()
}
