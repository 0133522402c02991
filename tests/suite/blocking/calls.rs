//! Forms of functions, and the options that decide what is kept.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheManager, Clock, cached, with_blocking};
use cache_tests::Counter;

use super::on_each_store_with_a_feed;
use crate::stores::TestCache;

/// A value with neither serde, `PartialEq` nor `Debug`.
struct Pattern(String);

#[cached(ttl = "1m", skip(runs))]
fn pattern(runs: &Counter, source: &str) -> Arc<Pattern> {
    runs.hit();
    Arc::new(Pattern(source.to_owned()))
}

#[tokio::test]
async fn a_function_that_is_not_async_is_kept_in_memory_in_every_mode() {
    on_each_store_with_a_feed(async |cache: TestCache| {
        let runs = Counter::new();
        let first = pattern(&runs, "a+");
        assert!(Arc::ptr_eq(&first, &pattern(&runs, "a+")));
        assert_eq!((first.0.as_str(), pattern(&runs, "b+").0.as_str()), ("a+", "b+"));
        assert_eq!(runs.count(), 2);
        assert_eq!(cache.manager.stats().total.memory_hits, 1);
    })
    .await;
}

/// Runs a test outside of any runtime, in a cache of its own.
fn in_memory(test: impl FnOnce(&Clock)) {
    let clock = Clock::mock();
    let manager = CacheManager::builder().clock(clock.clone()).build().unwrap();
    with_blocking(&manager, || test(&clock));
}

#[cached(ttl = "1m", negative_ttl = "5s", skip(runs))]
fn parsed(runs: &Counter, text: &str) -> Result<Option<u64>, std::num::ParseIntError> {
    runs.hit();
    if text.is_empty() {
        return Ok(None);
    }
    let number: u64 = text.parse()?;
    Ok(Some(number))
}

#[test]
fn only_an_ok_is_kept_and_a_none_for_its_own_time() {
    in_memory(|clock| {
        let runs = Counter::new();
        for _ in 0..2 {
            assert_eq!(parsed(&runs, "7"), Ok(Some(7)));
            assert_eq!(parsed(&runs, ""), Ok(None));
        }
        assert_eq!(runs.count(), 2);
        clock.advance(Duration::from_secs(6));
        assert_eq!((parsed(&runs, "7"), parsed(&runs, "")), (Ok(Some(7)), Ok(None)));
        assert_eq!(runs.count(), 3);
        assert!(parsed(&runs, "x").is_err());
        assert!(parsed(&runs, "x").is_err());
        assert_eq!(runs.count(), 5);
    });
}

#[cached(ttl = "1m", skip(runs))]
fn fibonacci(runs: &Counter, n: u64) -> u64 {
    runs.hit();
    if n < 2 { n } else { fibonacci(runs, n - 1) + fibonacci(runs, n - 2) }
}

#[cached(ttl = "1m", skip(runs, depth))]
fn same_key(runs: &Counter, depth: u64) -> u64 {
    runs.hit();
    if depth == 0 { 1 } else { same_key(runs, depth - 1) + 1 }
}

#[test]
fn a_recursive_function_is_cached_at_each_depth_and_may_call_itself_with_its_own_key() {
    in_memory(|_| {
        let runs = Counter::new();
        assert_eq!(fibonacci(&runs, 90), 2_880_067_194_370_816_120);
        assert_eq!(runs.count(), 91);
        let runs = Counter::new();
        assert_eq!(same_key(&runs, 3), 4);
        assert_eq!((same_key(&runs, 3), runs.count()), (4, 4));
    });
}

struct Shop<'a> {
    runs: &'a Counter,
    factor: u64,
}

trait Prices {
    fn price(&self, product: u64) -> u64;
}

impl Shop<'_> {
    #[cached(ttl = "1m", key = (self.factor, first, second), tags = ["shop:{self.factor}"])]
    fn sum<T>(&mut self, (first, second): (u64, u64), mut more: Vec<T>) -> u64
    where
        T: Into<u64>,
    {
        self.runs.hit();
        self.factor += 0;
        let more: u64 = more.drain(..).map(Into::into).sum();
        (first + second) * self.factor + more
    }

    #[cached(ttl = "1m", skip(runs))]
    fn names(runs: &Counter, at_most: usize) -> Box<[String]> {
        runs.hit();
        (0..at_most).map(|number| format!("shop {number}")).collect()
    }
}

impl Prices for Shop<'_> {
    #[cached(ttl = "1m", key_prefix = "price", key = "{self.factor}:{product}")]
    fn price(&self, product: u64) -> u64 {
        self.runs.hit();
        product * self.factor
    }
}

#[test]
fn methods_patterns_generics_and_templates_work_as_in_async_functions() {
    in_memory(|_| {
        let runs = Counter::new();
        let mut shop = Shop { runs: &runs, factor: 2 };
        assert_eq!(shop.sum((1, 2), vec![1_u32]), 7);
        assert_eq!(shop.sum((1, 2), vec![100_u32]), 7, "not a part of the key");
        assert_eq!(runs.count(), 1);
        assert_eq!(shop.sum((1, 2), vec![1_u16]), 7, "of another type");
        assert_eq!(runs.count(), 2);
        assert_eq!(Shop::names(&runs, 2), Shop::names(&runs, 2));
        assert_eq!(runs.count(), 3);
        let prices: &dyn Prices = &shop;
        assert_eq!((prices.price(7), prices.price(7), runs.count()), (14, 14, 4));
    });
}

#[cached(ttl = "1m", skip(given), cache_if = |value: &u64| *value != 0, bypass_if = bypass)]
fn given(given: &Cell<u64>, bypass: bool) -> u64 {
    given.replace(given.get() + 1)
}

#[test]
fn conditions_decide_and_an_argument_need_not_be_shared_among_threads() {
    in_memory(|_| {
        let cell = Cell::new(0);
        assert_eq!(given(&cell, false), 0, "which is not stored");
        assert_eq!((given(&cell, false), given(&cell, false)), (1, 1));
        assert_eq!((given(&cell, true), given(&cell, true)), (2, 3));
        assert_eq!(given(&cell, false), 1);
    });
}

#[cached(ttl = "1m", key_prefix = "failing", error_ttl = "1s", stale_if_error = "1m", skip(runs))]
fn failing(runs: &Counter, fails: bool) -> Result<usize, &'static str> {
    if runs.hit() > 1 && fails { Err("failed") } else { Ok(runs.count()) }
}

#[test]
fn a_stale_value_stands_in_for_an_error_and_an_error_is_remembered() {
    in_memory(|clock| {
        let runs = Counter::new();
        assert_eq!(failing(&runs, true), Ok(1));
        clock.advance(Duration::from_secs(61));
        assert_eq!((failing(&runs, true), runs.count()), (Ok(1), 2));
        clock.advance(Duration::from_secs(120));
        assert_eq!((failing(&runs, true), runs.count()), (Err("failed"), 3));
        assert_eq!((failing(&runs, true), runs.count()), (Err("failed"), 3));
        clock.advance(Duration::from_secs(2));
        assert_eq!((failing(&runs, true), runs.count()), (Err("failed"), 4));
    });
}

struct Owner {
    cache: CacheManager,
    runs: Counter,
}

impl Owner {
    #[cached(ttl = "1m", manager = &self.cache, skip(self))]
    fn square(&self, x: u64) -> u64 {
        self.runs.hit();
        x * x
    }
}

#[test]
fn a_function_uses_the_manager_that_it_names() {
    let of = |_| Owner { cache: CacheManager::builder().build().unwrap(), runs: Counter::new() };
    let owners = [1, 2].map(of);
    for owner in &owners {
        assert_eq!((owner.square(3), owner.square(3), owner.runs.count()), (9, 9, 1));
    }
}

#[test]
fn nothing_is_kept_while_the_cache_is_off() {
    let runs = Counter::new();
    with_blocking(&CacheManager::off(), || {
        assert!(!Arc::ptr_eq(&pattern(&runs, "a"), &pattern(&runs, "a")));
    });
    assert_eq!(runs.count(), 2);
}

#[cached(ttl = "1m", skip(runs))]
async fn asynchronous(runs: &Counter, n: u64) -> u64 {
    runs.hit();
    blocking(runs, n) + 1
}

#[cached(ttl = "1m", skip(runs))]
fn blocking(runs: &Counter, n: u64) -> u64 {
    runs.hit();
    n * 2
}

#[tokio::test]
async fn async_functions_and_others_call_each_other() {
    on_each_store_with_a_feed(async |_: TestCache| {
        let runs = Counter::new();
        assert_eq!((asynchronous(&runs, 4).await, asynchronous(&runs, 4).await), (9, 9));
        assert_eq!((blocking(&runs, 4), runs.count()), (8, 2));
    })
    .await;
}
