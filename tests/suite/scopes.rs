//! A call uses the manager of the innermost scope, else the manager of the process.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use cache_runtime::{CacheManager, Error, cache, cached, install, try_cache, with};

use crate::source::Source;
use crate::stores::spawn_with;

#[cached(key_prefix = "scopes", key = "{id}")]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

fn manager() -> CacheManager {
    CacheManager::builder().build().unwrap()
}

fn loads(manager: &CacheManager) -> u64 {
    manager.stats().total.loads
}

#[tokio::test]
async fn the_innermost_scope_counts() {
    let (outer, inner, source) = (manager(), manager(), Source::new(1));
    with(&outer, async {
        item(&source, 1).await;
        with(&inner, async {
            item(&source, 1).await;
            tokio::task::yield_now().await;
            item(&source, 2).await;
        })
        .await;
        item(&source, 1).await;
        item(&source, 3).await;
    })
    .await;
    assert_eq!((loads(&outer), loads(&inner)), (2, 2));
}

#[tokio::test]
async fn scopes_that_take_turns_on_one_thread_stay_apart() {
    let (first, second, source) = (manager(), manager(), Source::new(1));
    let ten = async || {
        for id in 0..10 {
            item(&source, id).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(with(&first, ten()), with(&second, ten()));
    assert_eq!((loads(&first), loads(&second)), (10, 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_moves_with_its_task_from_thread_to_thread() {
    let (manager, source) = (manager(), Source::new(1));
    let tasks = (0..20).map(|task| {
        let source = source.clone();
        spawn_with(&manager, async move {
            for id in 0..20 {
                item(&source, task * 20 + id).await;
                tokio::task::yield_now().await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(loads(&manager), 400);
}

#[tokio::test]
async fn a_scope_ends_with_a_panic_or_a_drop() {
    let (outer, inner, source) = (manager(), manager(), Source::new(1));
    with(&outer, async {
        let mut panicking = Box::pin(with(&inner, async { panic!("in the inner scope") }));
        let caught = std::panic::catch_unwind(AssertUnwindSafe(|| poll_once(panicking.as_mut())));
        assert!(caught.is_err());
        item(&source, 1).await;
        let mut dropped = Box::pin(with(&inner, std::future::pending::<()>()));
        assert!(poll_once(dropped.as_mut()).is_pending());
        drop(dropped);
        item(&source, 2).await;
    })
    .await;
    assert_eq!((loads(&outer), loads(&inner)), (2, 0));
}

pub fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The only test that calls outside of a scope: the process has one manager of its own.
#[tokio::test]
async fn outside_of_scopes_the_installed_manager_is_used_and_stays() {
    let (own, scoped, source) = (manager(), manager(), Source::new(1));
    install(own.clone()).unwrap();
    assert!(matches!(install(manager()), Err(Error::AlreadyInstalled)));

    item(&source, 1).await;
    item(&source, 1).await;
    with(&scoped, item(&source, 1)).await;
    assert_eq!((loads(&own), loads(&scoped)), (1, 1));

    assert_eq!(cache().get("scopes:1").await.unwrap(), Some(1_u64));
    cache().delete("scopes:1").await.unwrap();
    item(&source, 1).await;
    assert_eq!(loads(&own), 2);

    with(&scoped, async {
        assert_eq!(loads(&cache()), 1, "inside of a scope `cache` is its manager");
        assert_eq!(loads(&try_cache().unwrap()), 1);
    })
    .await;
}
