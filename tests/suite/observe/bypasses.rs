//! Calls that bypass the cache, each with its reason.

use std::collections::HashMap;
use std::time::Duration;

use cache_runtime::{
    BypassReason, CacheCall as _, CacheManager, Source as From, cached, observe, with,
};
use serde::{Serialize, Serializer};

use super::{MINUTE, PATH, item};
use crate::each::data::{Rows, many, rows};
use crate::source::Source;
use crate::stores::{Store, TestCache, on_stores};

#[cached(ttl = "1m", key_prefix = "observed:bypassed", key = "{id}", bypass_if = *fresh)]
async fn bypassed(source: &Source, id: u64, fresh: &bool) -> u64 {
    _ = (id, fresh);
    source.read().await
}

/// Expects one call, which has bypassed the cache.
#[track_caller]
fn expect(seen: &cache_runtime::Observation, reason: BypassReason, name: Option<&str>) {
    let [call] = seen.calls() else { panic!("{seen}") };
    assert_eq!((call.source(), call.bypass()), (From::Bypass, Some(reason)), "{seen}");
    assert_eq!((call.name(), call.remaining()), (name, None), "{seen}");
    assert!(!call.is_hit(), "{seen}");
}

#[tokio::test]
async fn a_condition_a_request_and_a_switch_are_told_apart() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let source = Source::new(1);
        let (_, seen) = observe(bypassed(&source, 1, &true)).await;
        expect(&seen, BypassReason::Condition, None);
        assert_eq!(seen.calls()[0].function(), format!("{PATH}::bypasses::bypassed"));
        assert_eq!((seen.of("observed").len(), seen.of("observed:bypassed").len()), (1, 1));
        assert_eq!((seen.of("observed:item").len(), seen.loaded("bypassed")), (0, false));

        let (_, seen) = observe(bypassed(&source, 1, &false).cache_entry().bypass()).await;
        expect(&seen, BypassReason::Requested, Some("observed:bypassed:1"));

        source.set(0);
        let (_, seen) = observe(item(&source, 1, "red").cache_entry().bypass()).await;
        expect(&seen, BypassReason::Requested, Some("observed:item:1"));
        assert!(seen.calls()[0].is_error());

        let path = format!("{PATH}::bypasses::bypassed");
        cache.manager.set_enabled(&path, false).unwrap();
        let (_, seen) = observe(bypassed(&source, 1, &false)).await;
        expect(&seen, BypassReason::Off, None);
    })
    .await;
}

#[tokio::test]
async fn the_mode_off_is_told() {
    let source = Source::new(1);
    let manager = CacheManager::off();
    let (_, seen) = with(&manager, observe(item(&source, 1, "red"))).await;
    expect(&seen, BypassReason::Off, None);
    let load = async || Ok::<_, ()>(item(&source, 2, "red").await);
    let (_, seen) = with(&manager, observe(manager.get_or_load("direct:1", MINUTE, load))).await;
    let told: Vec<_> = seen.calls().iter().map(|call| (call.depth(), call.function())).collect();
    assert_eq!(told, [(1, &*format!("{PATH}::item")), (0, "direct")], "{seen}");
    assert_eq!(seen.count(From::Bypass), 2, "{seen}");
}

#[tokio::test]
async fn ids_bypass_the_cache_for_the_reason_of_their_entries() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let data = Rows::new();
        cache.manager.set_enabled("suite::each::data::row", false).unwrap();
        let (_, seen) = observe(rows(&data, &[1])).await;
        expect(&seen, BypassReason::Off, Some("row:1"));
        cache.manager.set_enabled("suite::each::data::many", false).unwrap();
        let (_, seen) = observe(many(&data, &[1])).await;
        expect(&seen, BypassReason::Off, None);
        let load = async |names: Vec<String>| {
            Ok::<_, ()>(names.into_iter().map(|name| (name, 1_u64)).collect::<HashMap<_, _>>())
        };
        let names = [" not a name"];
        let (_, seen) = observe(cache.manager.get_or_load_many(names, MINUTE, load)).await;
        expect(&seen, BypassReason::NoEntry, None);
    })
    .await;
}

#[derive(Debug, Hash)]
struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no key today"))
    }
}

#[cached(ttl = "1m")]
async fn without_a_key(of: Unwritable) -> u64 {
    _ = of;
    1
}

#[cached(ttl = Duration::ZERO, key_prefix = "observed:endless", key = "{id}")]
async fn without_a_ttl(id: u64) -> u64 {
    id
}

#[cached(
    ttl = Duration::ZERO,
    stale_while_revalidate = "1m",
    key_prefix = "observed:endless",
    key = "{id}"
)]
async fn without_a_ttl_in_background(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn a_call_without_a_key_or_a_ttl_has_no_entry() {
    on_stores(&[Store::Memory], async |_: TestCache| {
        let (_, seen) = observe(without_a_key(Unwritable)).await;
        expect(&seen, BypassReason::NoEntry, None);
        let name = Some("observed:endless:1");
        let (_, seen) = observe(without_a_ttl(1)).await;
        expect(&seen, BypassReason::NoEntry, name);
        let (_, seen) = observe(without_a_ttl_in_background(1)).await;
        expect(&seen, BypassReason::NoEntry, name);
    })
    .await;
}

#[tokio::test]
async fn arguments_that_serialise_alike_are_told() {
    on_stores(&[Store::Memory], async |_: TestCache| {
        let load = || -> right::Load { Box::pin(async { 1 }) };
        right::by_hash(load(), right::Id::User(1)).await;
        let (_, seen) = observe(right::by_hash(load(), right::Id::Team(1))).await;
        assert_eq!(seen.calls()[0].bypass(), Some(BypassReason::Alike), "{seen}");
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "observed:recursive", skip(depth))]
async fn recursive(depth: u64) -> u64 {
    if depth == 0 { 0 } else { Box::pin(recursive(depth - 1)).await + 1 }
}

#[tokio::test]
async fn a_body_that_makes_its_own_call_is_told() {
    on_stores(&Store::INTENDED, async |_: TestCache| {
        let (output, seen) = observe(recursive(2)).await;
        assert_eq!(output, 2);
        let told: Vec<_> = seen.calls().iter().map(|call| (call.depth(), call.bypass())).collect();
        let inner = Some(BypassReason::Recursion);
        assert_eq!(told, [(2, inner), (1, inner), (0, None)]);
    })
    .await;
}
