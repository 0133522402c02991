//! Bodies that are polled by turns, and inner calls that are dropped.

use cache_runtime::{CacheCall as _, cached};
use tokio::task::yield_now;

use super::{Data, follows, plain};
use crate::source::Source;
use crate::stores::{Store, TestCache, in_time, on_each_store, on_stores};

/// Calls two inner functions by turns with the bodies of other calls.
#[cached(ttl = "10m", key = "{id}", inherit)]
async fn by_turns(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    let mut sum = 0;
    for inner in [id, id + 10] {
        yield_now().await;
        sum += plain(data, inner).await;
    }
    sum
}

#[tokio::test]
async fn bodies_on_one_thread_do_not_mix_their_dependencies() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        let all = async || {
            let (a, b, c) =
                tokio::join!(by_turns(&data, 1), by_turns(&data, 2), by_turns(&data, 3));
            [a, b, c]
        };
        assert_eq!([in_time(all()).await, all().await], [[2; 3]; 2]);
        assert_eq!(data.bodies(), 3);
        for (turn, name) in ["plain:1", "plain:12", "plain:3"].into_iter().enumerate() {
            cache.manager.delete(name).await.unwrap();
            assert_eq!([in_time(all()).await, all().await], [[2; 3]; 2]);
            assert_eq!(data.bodies(), 4 + turn, "{name}: one of them alone");
        }
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn together(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    let (a, b, c) =
        tokio::join!(plain(data, id), plain(data, id + 1), Box::pin(plain(data, id + 2)));
    a.max(b).max(c)
}

#[tokio::test]
async fn inner_calls_that_run_at_once_in_the_body_are_inherited() {
    on_each_store(async |cache: TestCache| {
        for inner in 1..4 {
            let data = Data::new();
            cache.manager.flush_all().await;
            let call = async || in_time(together(&data, 1)).await;
            follows(&cache.manager, &data, &format!("plain:{inner}"), call).await;
        }
    })
    .await;
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn same_twice(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    let (a, b) = tokio::join!(plain(data, id), plain(data, id));
    assert_eq!(a, b);
    a
}

#[tokio::test]
async fn the_same_inner_call_twice_at_once_is_inherited() {
    on_each_store(async |cache: TestCache| {
        let data = Data::new();
        let call = async || in_time(same_twice(&data, 1)).await;
        follows(&cache.manager, &data, "plain:1", call).await;
    })
    .await;
}

/// Gives the slow inner call up, and takes another one.
#[cached(ttl = "10m", key = "{id}", inherit)]
async fn first_of_two(data: &Data, slow: &Source, id: u64) -> u64 {
    data.bodies.hit();
    let hold = slow.hold();
    let of_slow = Data { source: slow.clone(), bodies: data.bodies.clone() };
    tokio::select! {
        biased;
        value = plain(&of_slow, id + 1) => value,
        () = hold.reached() => plain(data, id).await,
    }
}

#[tokio::test]
async fn an_inner_call_that_is_dropped_halfway_does_no_harm() {
    on_each_store(async |cache: TestCache| {
        let (data, slow) = (Data::new(), Source::new(9));
        assert_eq!(in_time(first_of_two(&data, &slow, 1)).await, 1);
        assert_eq!((first_of_two(&data, &slow, 1).await, data.bodies()), (1, 1));
        data.source.set(2);
        cache.manager.delete("plain:1").await.unwrap();
        assert_eq!(in_time(first_of_two(&data, &slow, 1)).await, 2);
        assert_eq!((first_of_two(&data, &slow, 1).await, data.bodies()), (2, 2));
    })
    .await;
}

/// Reads the inner value, waits, and reads it again.
#[cached(ttl = "10m", key = "{id}", inherit)]
async fn twice(data: &Data, gate: &Source, id: u64) -> [u64; 2] {
    data.bodies.hit();
    let before = plain(data, id).await;
    gate.read().await;
    [before, plain(data, id).await]
}

// R1: one of the two inner values is from before an invalidation.
#[tokio::test]
async fn a_body_that_has_read_an_inner_value_before_and_after_its_change_is_not_kept() {
    on_each_store(async |cache: TestCache| {
        for way in ["name", "tag", "refresh"] {
            let (data, gate) = (Data::new(), Source::new(0));
            cache.manager.flush_all().await;
            let hold = gate.hold();
            let (of_task, of_gate) = (data.clone(), gate.clone());
            let caller = cache.spawn(async move { twice(&of_task, &of_gate, 1).await });
            in_time(hold.reached()).await;
            data.source.set(2);
            match way {
                "name" => drop(cache.manager.delete("plain:1").await.unwrap()),
                "tag" => cache.manager.invalidate_tag("inners").await.unwrap(),
                _ => drop(plain(&data, 1).cache_entry().refresh().await.unwrap()),
            }
            hold.release();
            assert_eq!(in_time(caller).await.unwrap(), [1, 2], "{way}: its own value");
            let call = async || in_time(twice(&data, &gate, 1)).await;
            assert_eq!([call().await, call().await], [[2, 2], [2, 2]], "{way}");
            assert_eq!(data.bodies(), 2, "{way}");
        }
    })
    .await;
}

/// The body of another function runs inside of the first one's, without `inherit`.
#[cached(ttl = "10m", key = "{id}")]
async fn between(data: &Data, id: u64) -> u64 {
    plain(data, id).await
}

#[cached(ttl = "10m", key = "{id}", inherit)]
async fn around(data: &Data, id: u64) -> u64 {
    data.bodies.hit();
    let (hidden, direct) = tokio::join!(between(data, id), plain(data, id + 1));
    hidden.max(direct)
}

#[tokio::test]
async fn a_body_without_the_option_hides_its_calls_also_while_others_run() {
    on_stores(&Store::INTENDED, async |cache: TestCache| {
        let data = Data::new();
        assert_eq!(in_time(around(&data, 1)).await, 1);
        cache.manager.delete("plain:1").await.unwrap();
        assert_eq!((around(&data, 1).await, data.bodies()), (1, 1), "it is hidden");
        cache.manager.delete("plain:2").await.unwrap();
        assert_eq!((around(&data, 1).await, data.bodies()), (1, 2), "it is not");
        cache.manager.delete("between:1").await.unwrap();
        assert_eq!((around(&data, 1).await, data.bodies()), (1, 3));
    })
    .await;
}
