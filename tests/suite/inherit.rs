//! `inherit`: what the body of a function reads from other cached functions belongs to its value.

use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

use cache_runtime::{CacheCall as _, CacheManager, Error, cached};
use cache_tests::Counter;
use tokio::task::JoinHandle;

use crate::source::Source;
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores, spawn_with, until};

/// An author, books with their author, and pages with a book.
#[derive(Clone, Debug)]
struct Library {
    author: Source,
    books: Arc<Counter>,
    pages: Arc<Counter>,
}

impl Library {
    fn new(author: u64) -> Self {
        let (books, pages) = (Arc::new(Counter::new()), Arc::new(Counter::new()));
        Library { author: Source::new(author), books, pages }
    }

    /// Returns the number of bodies of authors, books and pages.
    fn bodies(&self) -> [usize; 3] {
        [self.author.reads(), self.books.count(), self.pages.count()]
    }
}

#[cached(ttl = "10m", key_prefix = "author", key = "{id}", tags = ["authors"])]
async fn author(data: &Library, id: u64) -> u64 {
    _ = id;
    data.author.read().await
}

#[cached(ttl = "10m", key_prefix = "book", key = "{id}", inherit)]
async fn book(data: &Library, id: u64) -> u64 {
    data.books.hit();
    author(data, id).await * 10
}

#[cached(ttl = "10m", key_prefix = "page", key = "{id}", inherit)]
async fn page(data: &Library, id: u64) -> u64 {
    data.pages.hit();
    helper(data, id).await + 1
}

/// A function that is not cached is a part of the body that calls it.
async fn helper(data: &Library, id: u64) -> u64 {
    book(data, id).await
}

fn call(cache: &CacheManager, data: &Library) -> JoinHandle<u64> {
    let data = data.clone();
    spawn_with(cache, async move { page(&data, 1).await })
}

/// Every way to make the author stale.
#[derive(Clone, Copy, Debug)]
enum Way {
    Delete,
    Entry,
    Prefix,
    NameAsPrefix,
    Tag,
    Clear,
    ClearBelow,
    Put,
    Set,
    Refresh,
    FlushAll,
}

impl Way {
    const ALL: [Way; 11] = [
        Way::Delete,
        Way::Entry,
        Way::Prefix,
        Way::NameAsPrefix,
        Way::Tag,
        Way::Clear,
        Way::ClearBelow,
        Way::Put,
        Way::Set,
        Way::Refresh,
        Way::FlushAll,
    ];

    /// Changes the author to this number, and makes what depends on it stale.
    async fn change(self, cache: &CacheManager, data: &Library, to: u64) {
        data.author.set(to);
        let run = async {
            match self {
                Way::Delete => drop(cache.delete("author:1").await.unwrap()),
                Way::Entry => author(data, 1).cache_entry().invalidate().await.unwrap(),
                Way::Prefix => cache.invalidate_prefix("author").await.unwrap(),
                Way::NameAsPrefix => cache.invalidate_prefix("author:1").await.unwrap(),
                Way::Tag => cache.invalidate_tag("authors").await.unwrap(),
                Way::Clear => drop(cache.clear("auth?r:*").await.unwrap()),
                Way::ClearBelow => drop(cache.clear("author:*").await.unwrap()),
                Way::Put => author(data, 1).cache_entry().put(to).await.unwrap(),
                Way::Set => {
                    cache.set("author:1", &to, Duration::from_secs(600)).await.unwrap();
                    cache.delete("author:1").await.unwrap();
                }
                Way::Refresh => drop(author(data, 1).cache_entry().refresh().await.unwrap()),
                Way::FlushAll => drop(cache.flush_all().await),
            }
        };
        cache_runtime::with(cache, run).await;
    }
}

#[tokio::test]
async fn every_change_of_an_inner_value_reaches_the_outer_ones() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(1);
        for (turn, way) in Way::ALL.into_iter().enumerate() {
            let now = turn as u64 + 1;
            assert_eq!(
                [page(&data, 1).await, book(&data, 1).await],
                [now * 10 + 1, now * 10],
                "{way:?}"
            );
            let bodies = data.bodies();
            assert_eq!(
                [page(&data, 1).await, book(&data, 1).await],
                [now * 10 + 1, now * 10],
                "{way:?}"
            );
            assert_eq!(data.bodies(), bodies, "{way:?}: both are kept");
            way.change(&cache.manager, &data, now + 1).await;
            assert_eq!(page(&data, 1).await, (now + 1) * 10 + 1, "{way:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_change_of_an_inner_value_elsewhere_reaches_the_outer_ones() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (data, peer) = (Library::new(1), cache.peer().await);
        for (turn, way) in Way::ALL.into_iter().enumerate() {
            let now = turn as u64 + 1;
            // Each of the processes has the values of all three functions.
            for process in [&cache.manager, &peer] {
                until(async || call(process, &data).await.unwrap() == now * 10 + 1).await;
            }
            way.change(&peer, &data, now + 1).await;
            assert_eq!(call(&peer, &data).await.unwrap(), (now + 1) * 10 + 1, "{way:?}");
            until(async || page(&data, 1).await == (now + 1) * 10 + 1).await;
        }
    })
    .await;
}

#[tokio::test]
async fn changes_of_anything_else_leave_the_outer_values() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(1);
        page(&data, 1).await;
        let cache = &cache.manager;
        cache.delete("author:2").await.unwrap();
        cache.invalidate_tag("books").await.unwrap();
        cache.invalidate_prefix("other").await.unwrap();
        cache.set("author:2", &1_u64, Duration::from_secs(60)).await.unwrap();
        assert_eq!([page(&data, 1).await, book(&data, 1).await], [11, 10]);
        assert_eq!(data.bodies(), [1, 1, 1]);
        book(&data, 1).cache_entry().invalidate().await.unwrap();
        assert_eq!([page(&data, 1).await, author(&data, 1).await], [11, 1]);
        assert_eq!(data.bodies(), [1, 2, 2], "only what depends on the book");
        page(&data, 1).cache_entry().invalidate().await.unwrap();
        page(&data, 1).await;
        assert_eq!(data.bodies(), [1, 2, 3]);
    })
    .await;
}

// The inner value comes from a store, from another caller's load, or from another process.
#[tokio::test]
async fn an_inner_value_is_inherited_wherever_it_comes_from() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(1);
        author(&data, 1).await;
        assert_eq!(page(&data, 1).await, 11);
        assert_eq!(data.author.reads(), 1, "it was stored");
        Way::Entry.change(&cache.manager, &data, 2).await;
        assert_eq!(page(&data, 1).await, 21);

        cache.manager.invalidate_prefix("author").await.unwrap();
        let hold = data.author.hold();
        let of_other = data.clone();
        let other = cache.spawn(async move { author(&of_other, 1).await });
        hold.reached().await;
        let outer = call(&cache.manager, &data);
        tokio::task::yield_now().await;
        hold.release();
        assert_eq!((other.await.unwrap(), in_time(outer).await.unwrap()), (2, 21));
        Way::Tag.change(&cache.manager, &data, 3).await;
        assert_eq!(page(&data, 1).await, 31);
    })
    .await;
}

#[tokio::test]
async fn an_inner_value_that_another_process_has_stored_is_inherited() {
    on_stores(&Store::WITH_REDIS, async |cache: TestCache| {
        let (data, peer) = (Library::new(1), cache.peer().await);
        for (turn, way) in Way::ALL.into_iter().enumerate() {
            let now = turn as u64 + 1;
            let of_peer = data.clone();
            spawn_with(&peer, async move { author(&of_peer, 1).await }).await.unwrap();
            until(async || page(&data, 1).await == now * 10 + 1).await;
            way.change(&cache.manager, &data, now + 1).await;
            assert_eq!(page(&data, 1).await, (now + 1) * 10 + 1, "{way:?}");
        }
    })
    .await;
}

// R1: the inner value was read before its invalidation, and the outer one is stored after it.
#[tokio::test]
async fn an_outer_value_whose_inner_one_was_changed_meanwhile_is_not_kept() {
    on_each_store(async |cache: TestCache| {
        for way in Way::ALL {
            let outer = Outer { library: Library::new(1), gate: Source::new(0) };
            cache.manager.flush_all().await;
            let hold = outer.gate.hold();
            let of_caller = outer.clone();
            let caller = cache.spawn(async move { late(&of_caller, 1).await });
            hold.reached().await;
            way.change(&cache.manager, &outer.library, 2).await;
            hold.release();
            assert_eq!(in_time(caller).await.unwrap(), 1, "its own value");
            assert_eq!([late(&outer, 1).await, late(&outer, 1).await], [2, 2], "{way:?}");
            assert_eq!(outer.gate.reads(), 2, "{way:?}");
        }
    })
    .await;
}

#[derive(Clone, Debug)]
struct Outer {
    library: Library,
    gate: Source,
}

/// Reads the author, and then waits.
#[cached(ttl = "10m", key_prefix = "late", key = "{id}", inherit)]
async fn late(data: &Outer, id: u64) -> u64 {
    let author = author(&data.library, id).await;
    data.gate.read().await;
    author
}

#[tokio::test]
async fn a_caller_after_the_change_does_not_get_the_older_outer_value() {
    on_each_store(async |cache: TestCache| {
        let outer = Outer { library: Library::new(1), gate: Source::new(0) };
        let hold = outer.gate.hold();
        let of_caller = outer.clone();
        let caller = cache.spawn(async move { late(&of_caller, 1).await });
        hold.reached().await;
        Way::Entry.change(&cache.manager, &outer.library, 2).await;
        let of_late = outer.clone();
        let after = cache.spawn(async move { late(&of_late, 1).await });
        tokio::task::yield_now().await;
        hold.release();
        assert_eq!(in_time(caller).await.unwrap(), 1);
        assert_eq!(in_time(after).await.unwrap(), 2);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "short", key = "{id}")]
async fn short(data: &Library, id: u64) -> u64 {
    _ = id;
    data.author.read().await
}

#[cached(ttl = "10m", key_prefix = "limited", key = "{id}", inherit)]
async fn limited(data: &Library, id: u64) -> u64 {
    data.books.hit();
    short(data, id).await
}

#[cached(ttl = "10m", key_prefix = "unlimited", key = "{id}", inherit = "tags")]
async fn unlimited(data: &Library, id: u64) -> u64 {
    data.pages.hit();
    short(data, id).await
}

#[tokio::test]
async fn the_ttl_is_at_most_the_rest_of_the_inner_one_unless_only_tags_are_inherited() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Library::new(1);
        short(&data, 1).await;
        cache.clock.advance(Duration::from_secs(50));
        assert_eq!([limited(&data, 1).await, unlimited(&data, 1).await], [1, 1]);
        data.author.set(2);
        cache.clock.advance(Duration::from_secs(9));
        assert_eq!([limited(&data, 1).await, unlimited(&data, 1).await], [1, 1]);
        assert_eq!(data.bodies(), [1, 1, 1]);
        cache.clock.advance(Duration::from_secs(2));
        assert_eq!([limited(&data, 1).await, unlimited(&data, 1).await], [2, 1]);
        cache.manager.delete("short:1").await.unwrap();
        assert_eq!(unlimited(&data, 1).await, 2);
        assert_eq!(data.bodies(), [3, 2, 2]);
    })
    .await;
}

#[cached(ttl = "1m", key_prefix = "old", key = "{id}", stale_while_revalidate = "10m")]
async fn old(data: Library, id: u64) -> u64 {
    _ = id;
    data.author.read().await
}

#[cached(ttl = "10m", key_prefix = "of_old", key = "{id}", inherit)]
async fn of_old(data: &Library, id: u64) -> u64 {
    data.books.hit();
    old(data.clone(), id).await
}

// A stale value would be stored as a fresh one.
#[tokio::test]
async fn a_stale_inner_value_is_not_served_to_a_body_that_inherits() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Library::new(1);
        old(data.clone(), 1).await;
        data.author.set(2);
        cache.clock.advance(Duration::from_secs(61));
        assert_eq!(of_old(&data, 1).await, 2);
        assert_eq!([of_old(&data, 1).await, old(data.clone(), 1).await], [2, 2]);
        assert_eq!(data.bodies(), [2, 1, 0]);
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "hiding", key = "{id}")]
async fn hiding(data: &Library, id: u64) -> u64 {
    data.books.hit();
    author(data, id).await
}

#[cached(ttl = "10m", key_prefix = "of_hiding", key = "{id}", inherit)]
async fn of_hiding(data: &Library, id: u64) -> u64 {
    data.pages.hit();
    hiding(data, id).await
}

#[tokio::test]
async fn a_function_without_the_option_hides_what_it_calls() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(1);
        assert_eq!(of_hiding(&data, 1).await, 1);
        Way::Entry.change(&cache.manager, &data, 2).await;
        assert_eq!([of_hiding(&data, 1).await, hiding(&data, 1).await], [1, 1]);
        cache.manager.delete("hiding:1").await.unwrap();
        assert_eq!(of_hiding(&data, 1).await, 2);
        assert_eq!(data.bodies(), [2, 2, 2]);
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "item", key = "{id}", each(id in ids))]
async fn items(data: &Library, ids: &[u64]) -> HashMap<u64, u64> {
    let author = data.author.read().await;
    ids.iter().filter(|id| **id < 100).map(|id| (*id, id * 100 + author)).collect()
}

#[cached(ttl = "10m", key_prefix = "list", key = "{first}", inherit)]
async fn list(data: &Library, first: u64) -> u64 {
    data.books.hit();
    items(data, &[first, first + 1, 100]).await.values().sum()
}

#[tokio::test]
async fn the_values_of_many_keys_are_inherited() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(1);
        items(&data, &[2]).await;
        assert_eq!([list(&data, 1).await, list(&data, 1).await], [302, 302]);
        for (turn, name) in ["item:2", "item:1", "item:100"].into_iter().enumerate() {
            data.author.set(turn as u64 + 2);
            cache.manager.delete("item:3").await.unwrap();
            let before = data.books.count();
            let same = list(&data, 1).await;
            assert_eq!(data.books.count(), before, "{name}: another id");
            cache.manager.delete(name).await.unwrap();
            let new = list(&data, 1).await;
            assert_eq!(data.books.count(), before + 1, "{name}");
            assert!(new > same || name == "item:100", "{name}: {same} {new}");
        }
        let before = data.books.count();
        cache.manager.invalidate_prefix("item").await.unwrap();
        list(&data, 1).await;
        assert_eq!(data.books.count(), before + 1);
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "shelf", key = "{id}", each(id in ids), inherit)]
async fn shelves(data: &Library, ids: &[u64]) -> HashMap<u64, u64> {
    data.pages.hit();
    let author = author(data, 1).await;
    ids.iter().map(|id| (*id, id * 10 + author)).collect()
}

#[tokio::test]
async fn each_value_of_many_inherits_what_their_body_reads() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(1);
        let of = |author: u64| HashMap::from([(1, 10 + author), (2, 20 + author)]);
        assert_eq!(shelves(&data, &[1, 2]).await, of(1));
        assert_eq!(shelves(&data, &[2, 1]).await, of(1));
        assert_eq!(data.pages.count(), 1);
        Way::Entry.change(&cache.manager, &data, 2).await;
        assert_eq!(shelves(&data, &[1, 2]).await, of(2));
        assert_eq!(data.bodies(), [2, 0, 2]);
    })
    .await;
}

#[tokio::test]
async fn a_value_from_elsewhere_is_not_put_into_an_entry_that_inherits() {
    on_each_store(async |_| {
        let data = Library::new(1);
        page(&data, 1).await;
        let put = page(&data, 1).cache_entry().put(99).await;
        assert!(
            matches!(&put, Err(Error::NotStored { reason, .. }) if reason.contains("inherit")),
            "{put:?}"
        );
        assert_eq!(page(&data, 1).await, 11);
        assert_eq!(data.pages.count(), 2, "the entry was removed");
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "local", key = "{id}", tier = "memory")]
async fn local(data: &Library, id: u64) -> u64 {
    _ = id;
    data.author.read().await
}

#[cached(ttl = "10m", key_prefix = "of_local", key = "{id}", inherit)]
async fn of_local(data: &Library, id: u64) -> u64 {
    data.books.hit();
    local(data, id).await
}

#[cached(ttl = "10m", key_prefix = "local_of_local", key = "{id}", tier = "memory", inherit)]
async fn local_of_local(data: &Library, id: u64) -> u64 {
    data.pages.hit();
    local(data, id).await
}

// Redis has no token for a value that is in memory alone.
#[tokio::test]
async fn an_inner_value_in_memory_alone_is_inherited_in_memory_alone() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Library::new(1);
        for _ in 0..2 {
            assert_eq!([of_local(&data, 1).await, local_of_local(&data, 1).await], [1, 1]);
        }
        let kept = if cache.store == Store::Memory { 1 } else { 2 };
        assert_eq!(data.bodies(), [1, kept, 1]);
        data.author.set(2);
        cache.manager.delete("local:1").await.unwrap();
        assert_eq!([of_local(&data, 1).await, local_of_local(&data, 1).await], [2, 2]);
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "wide", key = "{count}", inherit)]
async fn wide(data: &Library, count: u64) -> u64 {
    data.pages.hit();
    let mut sum = 0;
    for id in 0..count {
        sum += author(data, id).await;
    }
    sum
}

// R7: an entry has at most 128 tags.
#[tokio::test]
async fn a_value_with_too_many_dependencies_is_returned_and_not_stored() {
    on_stores(&[Store::Memory, Store::Redis], async |_| {
        let data = Library::new(1);
        for (count, bodies) in [(100, 1), (130, 3)] {
            assert_eq!([wide(&data, count).await, wide(&data, count).await], [count, count]);
            assert_eq!(data.pages.count(), bodies);
        }
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "failing", key = "{id}")]
async fn failing(data: &Library, id: u64) -> Result<u64, String> {
    _ = id;
    match data.author.read().await {
        0 => Err("no author".to_owned()),
        author => Ok(author),
    }
}

#[cached(ttl = "10m", key_prefix = "of_failing", key = "{id}", inherit)]
async fn of_failing(data: &Library, id: u64) -> u64 {
    data.books.hit();
    failing(data, id).await.unwrap_or(77)
}

#[tokio::test]
async fn a_value_that_depends_on_an_error_is_stale_as_soon_as_the_error_may_be_gone() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(0);
        assert_eq!([of_failing(&data, 1).await, of_failing(&data, 1).await], [77, 77]);
        assert_eq!(data.books.count(), 1);
        data.author.set(5);
        cache.manager.invalidate_prefix("failing").await.unwrap();
        assert_eq!(of_failing(&data, 1).await, 5);
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "spawning", key = "{id}", inherit)]
async fn spawning(data: &Library, id: u64) -> u64 {
    data.books.hit();
    let of_task = data.clone();
    let manager = cache_runtime::cache();
    spawn_with(&manager, async move { author(&of_task, id).await }).await.unwrap()
}

#[tokio::test]
async fn a_spawned_task_is_no_part_of_the_body() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(1);
        assert_eq!(spawning(&data, 1).await, 1);
        Way::Entry.change(&cache.manager, &data, 2).await;
        assert_eq!(spawning(&data, 1).await, 1, "as documented");
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "between", key = "{id}", inherit)]
async fn between(data: &Outer, id: u64) -> u64 {
    let author = author(&data.library, id).await;
    data.gate.read().await;
    author
}

#[cached(ttl = "10m", key_prefix = "of_between", key = "{id}", inherit)]
async fn of_between(data: &Outer, id: u64) -> u64 {
    data.library.books.hit();
    between(data, id).await
}

// The value in the middle is not stored, so it brings no dependencies.
#[tokio::test]
async fn an_outer_value_whose_middle_one_was_overtaken_is_not_kept() {
    on_each_store(async |cache: TestCache| {
        for way in Way::ALL {
            let outer = Outer { library: Library::new(1), gate: Source::new(0) };
            cache.manager.flush_all().await;
            let hold = outer.gate.hold();
            let of_caller = outer.clone();
            let caller = cache.spawn(async move { of_between(&of_caller, 1).await });
            hold.reached().await;
            way.change(&cache.manager, &outer.library, 2).await;
            hold.release();
            assert_eq!(in_time(caller).await.unwrap(), 1, "its own value");
            assert_eq!(
                [of_between(&outer, 1).await, of_between(&outer, 1).await],
                [2, 2],
                "{way:?}"
            );
            assert_eq!(outer.library.books.count(), 2, "{way:?}");
        }
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "choosy", key = "{id}", inherit, cache_if = |author: &u64| *author > 1)]
async fn choosy(data: &Library, id: u64) -> u64 {
    author(data, id).await
}

#[cached(ttl = "10m", key_prefix = "of_choosy", key = "{id}", inherit)]
async fn of_choosy(data: &Library, id: u64) -> u64 {
    data.books.hit();
    choosy(data, id).await
}

#[tokio::test]
async fn a_value_that_depends_on_one_that_is_not_stored_is_not_kept() {
    on_each_store(async |cache: TestCache| {
        let data = Library::new(1);
        assert_eq!([of_choosy(&data, 1).await, of_choosy(&data, 1).await], [1, 1]);
        assert_eq!(data.books.count(), 2);
        Way::Entry.change(&cache.manager, &data, 2).await;
        assert_eq!([of_choosy(&data, 1).await, of_choosy(&data, 1).await], [2, 2]);
        assert_eq!(data.books.count(), 3);
    })
    .await;
}

#[cached(ttl = "10m", key_prefix = "known", key = "{id}", inherit)]
async fn known(data: &Library, id: u64) -> Result<u64, String> {
    match author(data, id).await {
        1 => Err("nobody".to_owned()),
        author => Ok(author),
    }
}

#[cached(ttl = "10m", key_prefix = "of_known", key = "{id}", inherit)]
async fn of_known(data: &Library, id: u64) -> u64 {
    known(data, id).await.unwrap_or(77)
}

#[cached(ttl = "10m", key_prefix = "found", key = "{id}", each(id in ids), inherit)]
async fn found(data: &Library, ids: &[u64]) -> HashMap<u64, u64> {
    match author(data, 1).await {
        1 => HashMap::new(),
        author => ids.iter().map(|id| (*id, author)).collect(),
    }
}

#[cached(ttl = "10m", key_prefix = "of_found", key = "{id}", inherit)]
async fn of_found(data: &Library, id: u64) -> u64 {
    found(data, &[id]).await.remove(&id).unwrap_or(77)
}

// The error, and the absence, follow from the author.
#[tokio::test]
async fn a_value_that_depends_on_an_error_or_absence_that_depends_on_another_value_is_not_stale() {
    on_each_store(async |cache: TestCache| {
        for way in Way::ALL {
            let data = Library::new(1);
            cache.manager.flush_all().await;
            assert_eq!([of_known(&data, 1).await, of_found(&data, 1).await], [77, 77], "{way:?}");
            way.change(&cache.manager, &data, 2).await;
            assert_eq!([of_known(&data, 1).await, of_found(&data, 1).await], [2, 2], "{way:?}");
        }
    })
    .await;
}

/// A call that is made while a value is weighed, which is after its dependencies were compared.
static LATE: Mutex<Option<LateCall>> = Mutex::new(None);

struct LateCall {
    cache: CacheManager,
    data: Library,
    of_many: bool,
    caller: Option<JoinHandle<u64>>,
}

fn weigh(author: &u64) -> usize {
    let mut late = LATE.lock().unwrap();
    if *author == 1
        && let Some(late) = late.as_mut().filter(|late| late.caller.is_none())
    {
        late.caller = Some(late.call());
    }
    8
}

impl LateCall {
    /// Changes the author, and makes a call up to the point at which it waits.
    fn call(&self) -> JoinHandle<u64> {
        let (cache, data) = (self.cache.clone(), self.data.clone());
        data.author.set(2);
        assert!(poll_once(pin!(cache.delete("author:1"))), "memory does not wait");
        let of_many = self.of_many;
        let mut call = Box::pin(async move {
            let one = async {
                if of_many { heavies(&data, &[1]).await[&1] } else { heavy(&data, 1).await }
            };
            cache_runtime::with(&cache, one).await
        });
        assert!(!poll_once(call.as_mut()), "the load is under way");
        tokio::spawn(call)
    }
}

/// Returns true if the future is ready at once.
fn poll_once<F: Future>(future: Pin<&mut F>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

#[cached(ttl = "10m", key_prefix = "heavy", key = "{id}", inherit, weight = weigh)]
async fn heavy(data: &Library, id: u64) -> u64 {
    author(data, id).await
}

#[cached(entry = heavy(data, id), each(id in ids))]
async fn heavies(data: &Library, ids: &[u64]) -> HashMap<u64, u64> {
    let author = author(data, 1).await;
    ids.iter().map(|id| (*id, author)).collect()
}

// R1: the dependencies were compared before the change, and the caller comes after it.
#[tokio::test]
async fn a_caller_who_comes_while_a_value_is_stored_does_not_get_it_if_it_is_stale() {
    for of_many in [false, true] {
        let cache = TestCache::new(Store::Memory, |config| config).await;
        let data = Library::new(1);
        let late =
            LateCall { cache: cache.manager.clone(), data: data.clone(), of_many, caller: None };
        *LATE.lock().unwrap() = Some(late);
        let first = cache_runtime::with(&cache.manager, heavy(&data, 1)).await;
        assert_eq!(first, 1, "its own value");
        let late = LATE.lock().unwrap().take().and_then(|late| late.caller);
        assert_eq!(in_time(late.unwrap()).await.unwrap(), 2, "{of_many}");
    }
}

// The name's token is noted by the request that reads the entry.
#[tokio::test]
async fn an_inner_call_in_a_body_that_inherits_costs_at_most_one_round_trip() {
    on_stores(&[Store::Redis, Store::Tiered], async |cache: TestCache| {
        let data = Library::new(1);
        let answered = || cache.manager.stats().redis_times.count();
        for id in 1..3 {
            author(&data, id).await;
        }
        // The tokens of both functions are known.
        hiding(&data, 1).await;
        book(&data, 1).await;
        let before = answered();
        hiding(&data, 2).await;
        let without = answered() - before;
        book(&data, 2).await;
        let with = answered() - before - without;
        assert_eq!(data.author.reads(), 2, "the inner value is stored");
        assert!(with <= without + 1, "{with} requests, {without} without the option");
    })
    .await;
}
