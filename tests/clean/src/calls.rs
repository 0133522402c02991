//! Some of the functions are called, so that they are known to work as well.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use memo::{CacheManager, InvalidationQueue, with, with_blocking};

use crate::blocking::Length as _;
use crate::each::{self, Boxed as _, Opaque, Shop, Video};
use crate::every_option::{self, Boxed as _, Failure, Native as _, User};
use crate::transactions::{Repository, Table as _, Transaction};
use crate::{bare, blocking, meddling, shadowed, transactions};

const USER: User = User { id: 7, language: "en" };

async fn in_a_cache(body: impl AsyncFn(&CacheManager)) {
    let manager = CacheManager::builder().build().unwrap();
    with(&manager, body(&manager)).await;
}

#[tokio::test]
async fn every_option_works() {
    in_a_cache(async |manager| {
        for _ in 0..2 {
            let found = every_option::find(1, "Ada").await;
            assert_eq!(found, Ok(Some("Ada 1".to_owned())));
            assert_eq!(every_option::numbers(&USER, 2, [9]).await, [0, 1, 9]);
            assert_eq!(every_option::greeting(&USER).await.unwrap(), "en: hello, 7");
            let again = every_option::find_again(1, "Ada".to_owned(), &[2]).await;
            assert_eq!(again, Ok("Ada2".to_owned()));
            assert_eq!(every_option::early(1, (2, 3)).await, Ok(2));
        }
        assert_eq!(manager.stats().total.loads, 5);
        assert_eq!(every_option::unused_too(1, "a").await, 2);
        assert_eq!(every_option::rename(1, "Ada").await, Ok(3));
        every_option::clear().await;
        every_option::clear_softly().await;
        assert_eq!(every_option::clear_later("a", "b").await, "a");
        assert!(every_option::put(1, "Ada").await.is_ok());
        let found = every_option::find(1, "Ada").await;
        assert_eq!(found, Ok(Some("put Ada 1".to_owned())));
        assert_eq!(manager.stats().total.loads, 5);
    })
    .await;
}

#[tokio::test]
async fn limits_and_old_values_work() {
    in_a_cache(async |manager| {
        for _ in 0..2 {
            assert_eq!(every_option::limited(1).await, Ok(1));
            assert_eq!(every_option::all_limited(&[1, 2]).await, Ok(vec![1, 2]));
            let changed = every_option::find_changed(1, "Ada").await;
            assert_eq!(changed, Ok("Ada 1".to_owned()));
        }
        assert_eq!(manager.stats().total.loads, 3);
        with_blocking(manager, || assert_eq!(every_option::find_at_once(1), "1"));
    })
    .await;
}

#[tokio::test]
async fn verified_functions_work() {
    in_a_cache(async |manager| {
        for _ in 0..2 {
            assert_eq!(every_option::find_verified(1, "Ada").await, "Ada 1");
            assert_eq!(every_option::find_unverified(1).await, 1);
        }
        assert_eq!(manager.stats().total.loads, 2);
        with_blocking(manager, || {
            assert_eq!(every_option::find_verified_at_once(1, "Ada"), "Ada 1");
        });
    })
    .await;
}

#[tokio::test]
async fn types_without_serde_work() {
    in_a_cache(async |manager| {
        for _ in 0..2 {
            let kept = every_option::keep(&every_option::Opaque(1), Vec::new()).await;
            assert!(kept.is_ok_and(|kept| kept.is_empty()));
            assert_eq!(every_option::keep_borrow(every_option::Opaque(0)).await, "zero");
            assert_eq!(shadowed::kept(shadowed::Opaque).await.len(), 1);
        }
        assert_eq!(manager.stats().total.loads, 3);
    })
    .await;
}

#[tokio::test]
#[expect(deprecated, unused_must_use, reason = "the attributes stay on the function")]
async fn other_attributes_stay() {
    in_a_cache(async |manager| {
        every_option::old(1).await;
        assert_eq!(USER.unnamed(1).await, 5);
        assert_eq!(manager.stats().total.loads, 2);
    })
    .await;
}

#[tokio::test]
async fn a_cache_of_its_own_works() {
    in_a_cache(async |scope| {
        let own = Arc::new(CacheManager::builder().build().unwrap());
        for _ in 0..2 {
            assert_eq!(every_option::own(&own, 1).await, 1);
            assert_eq!(every_option::own_in_background(Arc::clone(&own), 1).await, 1);
        }
        assert_eq!(every_option::put_own(&own, 1).await, 3);
        assert_eq!(every_option::own(&own, 1).await, 3);
        every_option::forget_own(&own, 1).await;
        assert_eq!(every_option::own(&own, 1).await, 1);
        assert_eq!((own.stats().total.loads, scope.stats().total.loads), (3, 0));
        assert_eq!(bare::own(&own, 1).await, shadowed::own(&own, 1).await);
        assert_eq!(bare::change_own(&own, 1).await, shadowed::change_own(&own, 1).await);
        assert_eq!(bare::own(&own, 2).await, 1);
    })
    .await;
}

#[tokio::test]
async fn methods_and_traits_work() {
    in_a_cache(async |manager| {
        for _ in 0..2 {
            assert_eq!(USER.read("news").await, "7 reads news");
            assert_eq!(USER.number(2).await, 4);
            assert_eq!(USER.boxed(2).await, Ok(6));
        }
        assert_eq!(manager.stats().total.loads, 3);
        let mut user = USER;
        user.write("news").await;
        assert_eq!(USER.publish("news").await, "7 has read news");
        assert_eq!(USER.read("news").await, "7 has read news");
        assert_eq!(USER.forget(2).await, 2);
        assert_eq!(manager.stats().total.loads, 3);
        for _ in 0..2 {
            assert_eq!(USER.constant(2).await, 3);
            assert_eq!(User::feed(2, "a", false, 1).await, 4);
        }
        USER.forget_all(2, 2).await;
        assert_eq!(manager.stats().total.loads, 5);
    })
    .await;
}

#[tokio::test]
async fn nothing_need_be_in_scope() {
    in_a_cache(async |manager| {
        for _ in 0..2 {
            assert_eq!(bare::value(1).await.unwrap(), Some(bare::Value { number: 1 }));
            assert_eq!(bare::text(1, "a").await, "a 1");
            assert_eq!(bare::Shop.price(1).await, 100);
        }
        assert_eq!(manager.stats().total.loads, 3);
        bare::forget(1).await;
        assert_eq!(bare::put(1).await.unwrap(), Some(bare::Value { number: 2 }));
        assert_eq!(bare::named(1).unwrap(), Some(1));
        assert_eq!(bare::change(1).await.unwrap(), 2);
        assert_eq!(bare::Shop.change(1).await, 1);
        assert_eq!(bare::Shop.set_price(1, 5).await, 5);
        assert_eq!(bare::Shop.price(1).await, 5);
        assert!(bare::change(0).await.is_err());
    })
    .await;
}

#[test]
fn functions_that_are_not_async_work() {
    let manager = CacheManager::builder().build().unwrap();
    with_blocking(&manager, || {
        for _ in 0..2 {
            let pattern = blocking::pattern("a+").unwrap().unwrap();
            assert_eq!(pattern.0, "a+");
        }
        assert_eq!(manager.stats().total.loads, 1);
        assert!(blocking::pattern_entry("a+").peek().unwrap().is_some());
        assert!(blocking::pattern("").is_err());
    });
    let words = HashMap::from([("if".to_owned(), 1)]);
    let mut parser = blocking::Parser { cache: &manager, words };
    let word = "if".to_owned();
    let count = |parser: &blocking::Parser<'_, String>| parser.count(&word, (0, 0), [0; 2]);
    assert_eq!((count(&parser), count(&parser), parser.length("abc")), (3, 3, 4));
    parser.change(word.clone(), 10);
    assert_eq!(count(&parser), 12);
    assert_eq!(blocking::Parser::<u8>::keywords(1), ["if"]);
    assert_eq!(blocking::Parser::<u8>::keywords_entry(1).peek().unwrap(), Some(&["if"][..]));
}

#[tokio::test]
async fn names_may_mean_something_else() {
    in_a_cache(async |manager| {
        for _ in 0..2 {
            assert_eq!(shadowed::get(1).await.unwrap(), Some(1));
            assert_eq!(shadowed::plain(1, "a").await, "a 1");
            assert_eq!(shadowed::Shop.price(1).await, 100);
        }
        assert_eq!(manager.stats().total.loads, 3);
        assert_eq!(shadowed::change(1).await.unwrap(), 1);
        assert_eq!(shadowed::put(1).await.unwrap(), Some(2));
        assert_eq!(shadowed::get(1).await.unwrap(), Some(2));
        shadowed::Shop.change(1).await;
    })
    .await;
}

#[tokio::test]
async fn types_may_have_methods_of_any_name() {
    in_a_cache(async |manager| {
        for _ in 0..2 {
            assert_eq!(meddling::number(1).await, Ok(Some(1)));
        }
        assert_eq!(manager.stats().total.loads, 1);
        assert_eq!(meddling::forget(1).await, 1);
        assert_eq!(meddling::set(1, 5).await, Ok(Some(5)));
        assert_eq!(meddling::number(1).await, Ok(Some(5)));
    })
    .await;
}

#[tokio::test]
async fn functions_of_many_keys_work() {
    in_a_cache(async |manager| {
        let title = |id: u64| Video { title: id.to_string() };
        let of_two = HashMap::from([(1, title(1)), (2, title(2))]);
        for _ in 0..2 {
            assert_eq!(each::videos(&[1, 2]).await, Ok(of_two.clone()));
        }
        assert_eq!(each::video(2).await, Ok(Some(title(2))));
        let in_order = each::videos_in_order(vec![3, 2]).await;
        assert_eq!(in_order, Ok(vec![None, Some(title(2))]));

        let titles = || each::titles(vec![2, 1, 2], "en");
        let expected = vec![Some("en 2".to_owned()), None, Some("en 2".to_owned())];
        assert_eq!(titles().await, Ok(expected.clone()));
        assert_eq!(titles().await, Ok(expected));

        let names = each::names(&["a".to_owned()], 1, "Ada".to_owned()).await;
        assert_eq!(names, HashMap::from([("a".to_owned(), "Ada a".to_owned())]));
        let sums = each::by_expression(BTreeSet::from(["a".to_owned()]), (1, 2)).await;
        assert_eq!(sums, BTreeMap::from([("a".to_owned(), 3)]));
        let mut log = Vec::new();
        let lengths = each::arguments(HashSet::from([5]), (1, vec![2]), &mut log, 0).await;
        assert_eq!((lengths, log), (HashMap::from([(5, 2)]), vec![2, 1]));
        assert_eq!(each::kept(&vec![Opaque(1)]).await, [Opaque(1)]);
        assert_eq!(each::kept_borrow(&[1, 0]).await, ["other", "zero"]);

        let loads = manager.stats().total.loads;
        assert_eq!(each::delete(vec![1, 2], 2).await, Ok(1));
        assert_eq!(each::forget(&BTreeSet::from([2])), 1);
        assert_eq!(each::videos(&[2]).await, Ok(HashMap::from([(2, title(2))])));
        assert_eq!(manager.stats().total.loads, loads + 1);
    })
    .await;
}

#[tokio::test]
async fn puts_of_many_keys_work() {
    in_a_cache(async |manager| {
        let title = |title: &str| Some(Video { title: title.to_owned() });
        assert_eq!(each::update(vec![1, 2, 100], 100).await.map(|all| all.len()), Ok(2));
        assert_eq!(each::video(2).await, Ok(title("new 2")));
        assert_eq!(each::video(102).await, Ok(title("new 2")));
        assert_eq!(each::video(100).await, Ok(None));
        let own = CacheManager::builder().build().unwrap();
        assert_eq!(each::update_own(&own, &[1]).await.len(), 1);
        assert_eq!(each::video(1).await, Ok(title("new 1")));
        assert_eq!(with(&own, each::video(1)).await, Ok(title("1 in 0")));

        let ids = HashSet::from([Opaque(1), Opaque(2)]);
        assert_eq!(each::update_opaque(ids).await.len(), 2);
        assert_eq!(each::opaque(&Opaque(1)).await, Opaque(7));
        assert_eq!(each::update_words(&BTreeSet::from([0, 1, 2])).await.len(), 3);
        assert_eq!(each::word(1).await, Some("small"));
        assert_eq!(each::word(2).await, None);

        let mut shop = Shop { number: 3, log: Vec::new() };
        assert_eq!(shop.set_prices(&[1, 2], 5).await, [5, 5]);
        assert_eq!(shop.all_prices(&[1, 2]).await, HashMap::from([(1, 5), (2, 5)]));
        assert_eq!(manager.stats().total.loads, 0);
    })
    .await;
}

#[tokio::test]
async fn methods_of_many_keys_work() {
    in_a_cache(async |_| {
        let mut shop = Shop { number: 3, log: Vec::new() };
        assert_eq!(shop.prices(&[1, 2]).await, [3, 6]);
        assert_eq!(shop.noted(&[4]).await, [4]);
        assert_eq!(shop.log, [4]);
        assert_eq!(shop.clone().taken(&[2]).await, [6]);
        assert_eq!(Arc::new(shop.clone()).shared(&[2], 1).await, [8]);
        assert_eq!(shop.all_prices(&[5]).await, HashMap::from([(5, 15)]));
        assert_eq!(shop.price(5).await, 15);
        assert_eq!(shop.boxed(&[2], "EUR", 1).await, Ok(vec![6]));
        assert_eq!(shop.boxed_mut(vec![9]).await, [9]);
        assert_eq!(shop.log, [4, 1]);
        let made = each::generic(&[1, 2], |id: &u64| format!("no. {id}")).await;
        assert_eq!(made[&2], "no. 2");
    })
    .await;
}

#[tokio::test]
async fn transactions_work() {
    in_a_cache(async |manager| {
        let (mut statements, queue) = (Vec::new(), InvalidationQueue::new());
        let mut tx = Transaction { statements: &mut statements, queue: queue.clone() };
        assert_eq!(transactions::find(&mut tx, 1).await, Ok(2));
        assert_eq!(transactions::find(&mut tx, 1).await, Ok(2));
        assert!(transactions::any(&tx, 1).await && transactions::opaque(&tx, 1).await);
        assert_eq!(transactions::find_many(&mut tx, vec![1, 2]).await, Ok(vec![2, 4]));
        assert_eq!(transactions::many(&mut tx, &[1]).await, [4]);
        assert_eq!(transactions::blocking(&mut tx, 1), 5);
        assert_eq!(transactions::with_entry(&tx, 1), 5);
        assert_eq!(Repository::new(&mut tx, "table").read(1).await, 5);
        assert_eq!("table".to_owned().read(&mut tx, 1).await, 7);
        assert_eq!((manager.stats().invalidations, queue.is_empty()), (0, true));

        assert_eq!(transactions::put(&mut tx, 1).await, Ok(7));
        assert_eq!(transactions::put_twice(&mut tx, 1).await, Ok(8));
        assert_eq!(transactions::put_many(&mut tx, &[1]).await, Ok(vec![10]));
        assert_eq!(transactions::named(&tx, "a").await, "a");
        assert_eq!(transactions::in_pattern((&mut tx, 1)).await, 10);
        assert_eq!(transactions::rename(&mut tx, manager, 1, "").await, Err(Failure));
        assert_eq!(transactions::rename(&mut tx, manager, 1, "a").await, Ok(11));
        transactions::clear(&mut tx).await;
        assert_eq!(*transactions::local(&mut tx).await, 13);
        assert_eq!(transactions::boxed(&mut tx, 1).await, 15);
        assert_eq!(transactions::change(&mut tx, 1), Ok(15));
        assert_eq!(Repository::new(&mut tx, "table").write().await, 16);
        assert_eq!(Repository::new(&mut tx, "table").replace(1).await, 17);
        assert_eq!("table".to_owned().write(&mut tx).await, 18);
        assert_eq!(transactions::taken(tx, 1).await, 19);
        assert_eq!((manager.stats().invalidations, queue.is_empty()), (0, false));
        assert!(queue.take().apply().await);
        assert_eq!(manager.stats().invalidations, 1);
    })
    .await;
}
