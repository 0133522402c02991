//! Bodies: whatever an async function may hold.

use std::cell::{Cell, RefCell};
use std::num::ParseIntError;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Mutex;

use cache_runtime::cached;
use tokio::task::yield_now;

use crate::check::{load, shapes};

shapes! {
    a_question_mark: parsed("1").await => Ok(1), parsed("2").await => Ok(2);
    a_question_mark_on_an_option: second(&[1, 2]).await => Some(2), second(&[1]).await => None;
    a_question_mark_that_converts: converted("1").await.unwrap() => 1, converted("2").await.unwrap() => 2;
    a_return: returned(1).await => 1, returned(20).await => 20;
    a_return_last: returned_last(1).await => 1, returned_last(2).await => 2;
    a_let_else: unpacked(Some(1)).await => 1, unpacked(None).await => 0;
    labelled_loops: first_product(6).await => (2, 3), first_product(35).await => (5, 7);
    a_labelled_block: labelled(1).await => "small", labelled(20).await => "large";
    an_endless_loop: counted(3).await => 3, counted(4).await => 4;
    recursion: power(2, 3).await => 8, power(3, 2).await => 9;
    recursion_through_another_function: even(0, 3).await => false, even(1, 5).await => true;
    recursion_through_a_box_that_can_be_sent: sum(1, 3).await => 6, sum(1, 4).await => 10;
    a_box_by_hand: by_hand(1).await => 2, by_hand(2).await => 3;
    nested_async_blocks: nested(1).await => 3, nested(2).await => 4;
    a_return_of_an_inner_block: inner_return(1).await => 2, inner_return(2).await => 3;
    plain_closures: closures(1).await => 3, closures(2).await => 4;
    an_async_closure: async_closure(1).await => 3, async_closure(2).await => 5;
    a_value_that_cannot_be_sent: local(1).await => 1, local(2).await => 2;
    a_guard_across_an_await: guarded(1).await => 1, guarded(2).await => 2;
    a_borrow_across_an_await: borrowed(1).await => 2, borrowed(2).await => 3;
    join_and_select: joined(1).await => 3, joined(2).await => 5;
    a_spawned_task: spawned(1).await => 2, spawned(2).await => 3;
    a_nested_function: with_function(1).await => 2, with_function(2).await => 3;
    a_nested_cached_function: with_cached(1).await => 2, with_cached(2).await => 4;
    items_of_all_kinds: with_items(1).await => 7, with_items(2).await => 8;
    a_macro_as_a_body: made_by_a_macro(1).await => "1", made_by_a_macro(2).await => "2";
    a_match_as_a_body: matched(1).await => "one", matched(2).await => "other";
    a_coerced_value: coerced(1).await => Ok([1].into()), coerced(2).await => Ok([2].into());
}

#[cached]
async fn parsed(text: &str) -> Result<u64, ParseIntError> {
    let number = load(text).parse()?;
    Ok(number)
}

#[cached]
async fn second(list: &[u8]) -> Option<u8> {
    let second = load(list).get(1)?;
    Some(*second)
}

#[cached]
async fn converted(text: &str) -> Result<u64, Box<dyn std::error::Error>> {
    if text.is_empty() {
        Err("empty")?;
    }
    Ok(load(text).parse()?)
}

#[cached]
async fn returned(n: u64) -> u64 {
    if n > 10 {
        return load(n);
    }
    yield_now().await;
    load(n)
}

#[cached]
#[allow(clippy::needless_return, reason = "it is the shape under test")]
async fn returned_last(n: u64) -> u64 {
    return load(n);
}

#[cached]
async fn unpacked(n: Option<u64>) -> u64 {
    let Some(n) = n else { return load(0) };
    load(n)
}

#[cached]
async fn first_product(n: u64) -> (u64, u64) {
    let mut found = (1, n);
    'outer: for a in 2..n {
        for b in a..n {
            match a * b {
                product if product > n => continue 'outer,
                product if product == n => {
                    found = (a, b);
                    break 'outer;
                }
                _ => yield_now().await,
            }
        }
    }
    load(found)
}

#[cached]
async fn labelled(n: u64) -> String {
    let size = 'size: {
        if n > 10 {
            break 'size "large";
        }
        yield_now().await;
        "small"
    };
    load(size.to_owned())
}

#[cached]
async fn counted(n: u64) -> u64 {
    let mut count = 0;
    loop {
        yield_now().await;
        count += 1;
        if count == n {
            return load(count);
        }
    }
}

/// Counted where it ends, as the others that call themselves.
#[cached]
async fn power(base: u64, exponent: u64) -> u64 {
    if exponent == 0 {
        return load(1);
    }
    base * Box::pin(power(base, exponent - 1)).await
}

#[cached]
async fn even(until: u64, n: u64) -> bool {
    if n == until { load(true) } else { Box::pin(odd(until, n - 1)).await }
}

#[cached]
async fn odd(until: u64, n: u64) -> bool {
    if n == until { load(false) } else { Box::pin(even(until, n - 1)).await }
}

#[cached]
async fn sum(from: u64, until: u64) -> u64 {
    fn rest(from: u64, until: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
        Box::pin(sum(from, until))
    }
    if from == until { load(until) } else { from + rest(from + 1, until).await }
}

#[cached]
fn by_hand(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    let one = 1;
    Box::pin(async move { load(n + one) })
}

#[cached]
async fn nested(n: u64) -> u64 {
    let outer = async {
        let inner = async move { n + 1 };
        inner.await + 1
    };
    load(outer.await)
}

#[cached]
async fn inner_return(n: u64) -> u64 {
    let inner: Result<u64, ParseIntError> = async {
        if n > 100 {
            return Ok(0);
        }
        let one = "1".parse::<u64>()?;
        Ok(one)
    }
    .await;
    load(n + inner.unwrap())
}

#[cached]
async fn closures(n: u64) -> u64 {
    let mut total = n;
    let mut add = |more: u64| total += more;
    add(1);
    yield_now().await;
    add(1);
    load(total)
}

#[cached]
async fn async_closure(n: u64) -> u64 {
    let double = async |more: u64| n * 2 + more;
    load(double(1).await)
}

#[cached]
async fn local(n: u64) -> u64 {
    let shared = Rc::new(RefCell::new(0));
    let writer = Rc::clone(&shared);
    yield_now().await;
    *writer.borrow_mut() = n;
    load(shared.take())
}

#[cached]
#[allow(clippy::await_holding_lock, reason = "it is the shape under test")]
async fn guarded(n: u64) -> u64 {
    let lock = Mutex::new(n);
    let guard = lock.lock().unwrap();
    yield_now().await;
    load(*guard)
}

#[cached]
async fn borrowed(n: u64) -> u64 {
    let mut total = n;
    let one_more = &mut total;
    yield_now().await;
    *one_more += 1;
    load(total)
}

#[cached]
async fn joined(n: u64) -> u64 {
    let (a, b) = tokio::join!(async { n }, async { n + 1 });
    tokio::select! {
        biased;
        () = std::future::ready(()) => load(a + b),
        () = std::future::pending() => load(0),
    }
}

#[cached]
async fn spawned(n: u64) -> u64 {
    let task = tokio::spawn(async move { n + 1 });
    load(task.await.unwrap())
}

#[cached]
async fn with_function(n: u64) -> u64 {
    fn increased(n: u64) -> u64 {
        n + 1
    }
    load(increased(n))
}

#[cached]
async fn with_cached(n: u64) -> u64 {
    #[cached]
    async fn doubled(n: u64) -> u64 {
        n * 2
    }
    load(doubled(n).await)
}

#[cached]
async fn with_items(n: u64) -> u64 {
    use std::convert::identity as same;
    const ONE: u64 = 1;
    static SITE: u64 = 2;
    type Number = u64;
    enum P {
        Three = 3,
    }
    macro_rules! add {
        ($($number:expr),*) => { 0 $(+ $number)* };
    }
    thread_local! {
        static NOTHING: Cell<Number> = const { Cell::new(0) };
    }
    load(same(add!(n, ONE, SITE, P::Three as Number, NOTHING.get())))
}

#[cached]
async fn made_by_a_macro(n: u64) -> String {
    as_text!(n)
}

macro_rules! as_text {
    ($n:expr) => {
        load($n.to_string())
    };
}
use as_text;

#[cached]
async fn matched(n: u64) -> String {
    match load(n) {
        1 => "one".to_owned(),
        _ => "other".to_owned(),
    }
}

#[cached]
async fn coerced(n: u64) -> Result<Box<[u64]>, String> {
    load(n);
    Ok(Box::new([n]))
}
