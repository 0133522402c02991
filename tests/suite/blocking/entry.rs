//! The entry of a call, by the function that `entry_fn` names.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheManager, Error, Source, cached, with_blocking};
use cache_tests::Counter;

use super::on_each_store_with_a_feed;
use crate::stores::TestCache;

#[cached(ttl = "1m", skip(runs), entry_fn = number_entry)]
fn number(runs: &Counter, id: u64) -> Result<usize, Error> {
    _ = id;
    Ok(runs.hit())
}

#[tokio::test]
async fn an_entry_is_read_put_refreshed_and_removed() {
    on_each_store_with_a_feed(async |cache: TestCache| {
        let runs = Counter::new();
        assert_eq!(number_entry(&runs, 1).peek().unwrap().map(Result::unwrap), None);
        let absent = number_entry(&runs, 1).only_if_cached().fetch().unwrap_err();
        assert!(matches!(absent, Error::NotCached { .. }), "{absent}");
        assert_eq!(number(&runs, 1).unwrap(), 1);
        assert_eq!(number_entry(&runs, 1).peek().unwrap().unwrap().unwrap(), 1);

        let fetched = number_entry(&runs, 1).fetch().unwrap();
        assert_eq!((fetched.value.unwrap(), fetched.source), (1, Source::Memory));
        assert_eq!(number_entry(&runs, 1).refresh().unwrap().unwrap(), 2);
        assert_eq!(number_entry(&runs, 1).bypass().unwrap().unwrap(), 3);
        assert_eq!(number(&runs, 1).unwrap(), 2);

        cache.clock.advance(Duration::from_secs(10));
        let young = number_entry(&runs, 1).max_age(Duration::from_secs(5)).fetch().unwrap();
        assert_eq!((young.value.unwrap(), young.source), (4, Source::Load));

        number_entry(&runs, 1).put(100_usize).unwrap();
        assert_eq!((number(&runs, 1).unwrap(), number(&runs, 2).unwrap()), (100, 5));
        number_entry(&runs, 1).invalidate().unwrap();
        assert!(number_entry(&runs, 1).peek().unwrap().is_none());
        assert_eq!((number(&runs, 1).unwrap(), number(&runs, 2).unwrap()), (6, 5));
        assert!(number_entry(&runs, 1).name().unwrap().contains("number"));
    })
    .await;
}

struct Stock<T> {
    runs: Counter,
    of: T,
}

impl<T> Stock<T>
where
    T: Clone + std::hash::Hash + Eq + Send + Sync + 'static,
{
    #[cached(ttl = "1m", key = (self.of.clone(), a, b), entry_fn = count_entry)]
    #[expect(unused_mut, reason = "the attribute must reach the body")]
    pub(crate) fn count<const N: usize>(
        self: &Arc<Self>,
        (a, b): (u8, u8),
        mut _more: [u8; N],
    ) -> usize {
        let mut unused = N;
        self.runs.hit() + 10 * unused
    }

    #[cached(ttl = "1m", entry_fn = Self::sizes_entry)]
    fn sizes(at_most: usize) -> Vec<usize> {
        (0..at_most).collect()
    }
}

#[tokio::test]
async fn a_method_has_an_entry_with_its_patterns_and_parameters() {
    on_each_store_with_a_feed(async |_: TestCache| {
        let stock = Arc::new(Stock { runs: Counter::new(), of: "shoes".to_owned() });
        assert_eq!(stock.count((1, 2), [0; 3]), 31);
        assert_eq!(stock.count_entry((1, 2), [1; 3]).peek().unwrap(), Some(31));
        assert_eq!(stock.count_entry((1, 3), [1; 3]).peek().unwrap(), None);
        assert_eq!(stock.count_entry((1, 2), [1; 4]).peek().unwrap(), None);
        assert_eq!(Stock::<u8>::sizes(2), [0, 1]);
        assert_eq!(Stock::<u8>::sizes_entry(2).peek().unwrap(), Some(vec![0, 1]));
        assert_eq!(Stock::<u16>::sizes_entry(2).peek().unwrap(), None);
    })
    .await;
}

/// Runs a test outside of any runtime, in a cache of its own.
fn in_a_cache(test: impl FnOnce()) {
    with_blocking(&CacheManager::builder().build().unwrap(), test);
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Words(Vec<String>);

impl Words {
    #[cached(ttl = "1m", key = self.clone(), entry_fn = joined_entry)]
    fn joined(mut self, mut separator: String) -> String {
        separator.push(' ');
        self.0.sort();
        self.0.join(&separator)
    }
}

#[test]
fn a_method_may_change_what_it_takes() {
    in_a_cache(|| {
        let words = Words(vec!["b".to_owned(), "a".to_owned()]);
        assert_eq!(words.clone().joined(",".to_owned()), "a, b");
        let peeked = words.joined_entry(",".to_owned()).peek().unwrap();
        assert_eq!(peeked.as_deref(), Some("a, b"));
    });
}

/// Notes when it is dropped.
struct Guard<'a>(&'a Counter);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.hit();
    }
}

#[cached(ttl = "1m", key = word.len(), entry_fn = guarded_entry)]
fn guarded(_: Guard<'_>, _held: Guard<'_>, dropped: &Counter, ref word: String) -> (usize, usize) {
    (dropped.count(), word.len())
}

#[test]
fn arguments_live_as_long_as_the_body_whether_it_names_them_or_not() {
    let dropped = Counter::new();
    let guard = || Guard(&dropped);
    in_a_cache(|| {
        assert_eq!(guarded(guard(), guard(), &dropped, "four".to_owned()), (0, 4));
        assert_eq!(dropped.count(), 2);
        let peeked = guarded_entry(guard(), guard(), &dropped, "four".to_owned()).peek().unwrap();
        assert_eq!((peeked, dropped.count()), (Some((0, 4)), 4));
    });
}

#[tokio::test]
async fn the_function_keeps_its_name_in_statistics_and_registry() {
    on_each_store_with_a_feed(async |cache: TestCache| {
        number(&Counter::new(), 1).unwrap();
        Stock::<u8>::sizes(1);
        let names = Vec::from_iter(cache.manager.stats().sites.into_iter().map(|site| site.name));
        assert!(names.iter().any(|name| name.ends_with("entry::number")), "{names:?}");
        assert!(names.iter().any(|name| name.contains("::sizes")), "{names:?}");
        cache.manager.set_enabled("suite::blocking::entry::number", false).unwrap();
        let runs = Counter::new();
        assert_eq!((number(&runs, 1).unwrap(), number(&runs, 1).unwrap()), (1, 2));
        let sites = cache_runtime::registry().cached;
        let site = sites.iter().find(|site| {
            site.location.function == "number" && site.location.module == module_path!()
        });
        assert_eq!(site.map(|site| site.location.path), Some("suite::blocking::entry::number"));
    })
    .await;
}
