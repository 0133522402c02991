//! Functions that are not async and change data.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cache_runtime::{CacheManager, cache_invalidate, cached, with_blocking};
use cache_tests::Counter;

use super::on_each_store_with_a_feed;
use crate::stores::{Store, TestCache, on_stores, until};

#[cached(ttl = "1m", key_prefix = "shelf", key = "{id}", tags = ["shelves"])]
async fn shelf(runs: &Counter, id: u64) -> usize {
    _ = id;
    runs.hit()
}

#[cached(ttl = "1m", key_prefix = "label", key = "{id}", entry_fn = label_entry)]
fn label(runs: &Counter, id: u64) -> usize {
    _ = id;
    runs.hit()
}

#[cache_invalidate(prefix = "shelf:{id}", entry = label_entry(&Counter::new(), id))]
fn rename(id: u64, succeeds: bool) -> Result<u64, String> {
    if !succeeds {
        return Err("failed".to_owned());
    }
    Ok(id)
}

#[cache_invalidate(tags = ["shelves"], if = |moved: &usize| *moved > 0)]
fn move_all(moved: usize) -> usize {
    moved
}

#[cache_invalidate(entry = shelf(runs, id), when = "always")]
fn always(runs: &Counter, id: u64) -> Result<(), ()> {
    _ = (runs, id);
    Err(())
}

#[cache_invalidate(prefix = "shelf", when = "before")]
fn before(seen: impl FnOnce()) {
    seen();
}

#[tokio::test]
async fn a_function_that_is_not_async_invalidates_before_it_returns() {
    on_each_store_with_a_feed(async |cache: TestCache| {
        let (runs, labels) = (Counter::new(), Counter::new());
        let both = async || (shelf(&runs, 1).await, label(&labels, 1));
        // The number of loads of a call at once after the change, and of calls once Redis has confirmed the change.
        let loads = async || {
            let before = runs.count() + labels.count();
            both().await;
            let at_once = runs.count() + labels.count() - before;
            if cache.store != Store::Outage {
                until(async || cache.manager.stats().pending_invalidations == 0).await;
            }
            both().await;
            let after = both().await;
            assert_eq!(both().await, after, "it is stored again");
            at_once
        };
        assert_eq!(loads().await, 2);
        assert_eq!(rename(1, true), Ok(1));
        assert_eq!(loads().await, 2);
        assert!(rename(1, false).is_err());
        assert_eq!(rename(2, true), Ok(2));
        assert_eq!(loads().await, 0);
        move_all(0);
        assert_eq!(loads().await, 0);
        move_all(1);
        assert_eq!(loads().await, 1);
        always(&runs, 1).unwrap_err();
        assert_eq!(loads().await, 1);
        before(|| ());
        assert_eq!(loads().await, 1);
    })
    .await;
}

#[cache_invalidate(prefix = "shelf:{id}")]
fn panics(id: u64) {
    assert!(id > 1, "a body that panics");
}

#[tokio::test]
async fn a_body_that_panics_invalidates() {
    on_each_store_with_a_feed(async |_: TestCache| {
        let runs = Counter::new();
        shelf(&runs, 1).await;
        catch_unwind(AssertUnwindSafe(|| panics(1))).unwrap_err();
        assert_eq!(shelf(&runs, 1).await, 2);
    })
    .await;
}

#[tokio::test]
async fn other_processes_receive_it() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (peer, runs, peers) = (cache.peer().await, Counter::new(), Counter::new());
        let of_peer = async || cache_runtime::with(&peer, shelf(&peers, 1)).await;
        shelf(&runs, 1).await;
        of_peer().await;
        assert_eq!(peers.count(), 0, "Redis has the value");
        // Outside of any runtime, as in a program without one.
        let manager = cache.manager.clone();
        std::thread::spawn(move || with_blocking(&manager, || rename(1, true)))
            .join()
            .unwrap()
            .unwrap();
        until(async || of_peer().await == 1 && peers.count() == 1).await;
    })
    .await;
}

#[test]
fn a_method_of_a_struct_with_a_cache_of_its_own_invalidates_there() {
    struct Owner(CacheManager);
    impl Owner {
        #[cache_invalidate(prefix = "label:{id}", manager = &self.0)]
        fn change(&self, id: u64) {
            _ = id;
        }
    }
    let (owner, runs) = (Owner(CacheManager::builder().build().unwrap()), Counter::new());
    let call = || with_blocking(&owner.0, || label(&runs, 1));
    assert_eq!((call(), call()), (1, 1));
    owner.change(1);
    assert_eq!(call(), 2);
}

struct Names(Vec<String>);

impl Names {
    #[cache_invalidate(prefix = "label")]
    fn first(&mut self) -> &mut String {
        &mut self.0[0]
    }

    #[cache_invalidate(prefix = "label")]
    fn all(&mut self) -> impl Iterator<Item = &mut String> + '_ {
        self.0.iter_mut()
    }
}

#[test]
fn a_method_may_return_a_borrow() {
    let mut names = Names(vec![String::new()]);
    with_blocking(&CacheManager::builder().build().unwrap(), || {
        names.first().push('a');
        names.all().for_each(|name| name.push('b'));
    });
    assert_eq!(names.0, ["ab"]);
}

#[tokio::test]
async fn nothing_is_pending_after_a_program_has_disconnected() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (peer, runs) = (cache.peer().await, Counter::new());
        let of_peer = async || cache_runtime::with(&peer, shelf(&runs, 1)).await;
        assert_eq!((of_peer().await, of_peer().await), (1, 1));
        let manager = cache.manager.clone();
        let ends = std::thread::spawn(move || {
            with_blocking(&manager, || rename(1, true).unwrap());
            manager.disconnect_blocking()
        });
        assert_eq!(ends.join().unwrap(), 0, "lost invalidations");
        until(async || of_peer().await == 2).await;
    })
    .await;
}
