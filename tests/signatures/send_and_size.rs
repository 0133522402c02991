//! An annotated function gives a future that can be sent exactly when that of the bare function
//! can, and that is not much larger.

use std::cell::Cell;
use std::error::Error;
use std::fmt::Display;
use std::marker::PhantomData;
use std::rc::Rc;

use cache_runtime::{cache_invalidate, cache_put, cached};
use serde::Serialize;
use tokio::task::yield_now;

/// Asks of a value whether it is `Send`.
struct Asked<T>(PhantomData<T>);

fn ask<T>(_: &T) -> Asked<T> {
    Asked(PhantomData)
}

impl<T: Send> Asked<T> {
    fn is_send(&self) -> bool {
        true
    }
}

/// Method look-up comes here only where the one above is out of the question.
trait IsNotSend {
    fn is_send(&self) -> bool;
}

impl<T> IsNotSend for &Asked<T> {
    fn is_send(&self) -> bool {
        false
    }
}

const SEND: bool = true;
const NOT_SEND: bool = false;

const LARGE: usize = 4096;

/// Each function with its attribute and without, and whether the future can be sent.
macro_rules! twins {
    ($(
        $(#[$attribute:meta])*
        $is_send:ident $name:ident($($argument:ident: $type:ty = $value:expr),*) $(-> $output:ty)? $body:block
    )*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn is_sent_as_the_bare_function_is() {
                assert_eq!((&ask(&bare($($value),*))).is_send(), $is_send, "the bare function");
                assert_eq!((&ask(&annotated($($value),*))).is_send(), $is_send, "with attribute");
            }

            #[test]
            fn is_little_larger_than_the_bare_function() {
                let bare = size_of_val(&bare($($value),*));
                let annotated = size_of_val(&annotated($($value),*));
                let most = bare * 5 / 4 + 2048;
                assert!(annotated < most, "{annotated} bytes, {bare} without the attribute");
            }

            async fn bare($($argument: $type),*) $(-> $output)? $body

            $(#[$attribute])*
            pub(super) async fn annotated($($argument: $type),*) $(-> $output)? $body
        }
    )*};
}

twins! {
    #[cached]
    SEND a_number(n: u64 = 1) -> u64 { yield_now().await; n }

    #[cached]
    SEND borrowed_arguments(text: &str = "a", list: &[u64] = &[1]) -> usize {
        yield_now().await;
        text.len() + list.len()
    }

    #[cached]
    SEND a_result(n: u64 = 1) -> Result<u64, String> { yield_now().await; Ok(n) }

    #[cached]
    SEND an_error_that_borrows(text: &str = "a") -> Result<usize, &str> {
        yield_now().await;
        if text.is_empty() { Err(text) } else { Ok(text.len()) }
    }

    #[cached]
    SEND an_error_that_cannot_be_sent(n: u64 = 1) -> Result<u64, Box<dyn Error>> {
        yield_now().await;
        if n == 0 { Err("zero".into()) } else { Ok(n) }
    }

    #[cached]
    SEND a_shared_error_that_cannot_be_sent(n: u64 = 1) -> Result<u64, Rc<str>> {
        yield_now().await;
        Ok(n)
    }

    #[cached]
    SEND a_question_mark_on_an_error_that_cannot_be_sent(n: u64 = 1) -> Result<u64, Box<dyn Error>> {
        yield_now().await;
        let n = positive(n)?;
        yield_now().await;
        Ok(n)
    }

    #[cached]
    SEND a_value_that_cannot_be_sent_dropped_in_time(n: u64 = 1) -> u64 {
        let n = { *Rc::new(n) };
        yield_now().await;
        n
    }

    #[cached]
    SEND an_argument_that_cannot_be_shared(n: Cell<u64> = Cell::new(1)) -> u64 {
        yield_now().await;
        n.get()
    }

    #[cached(skip(n))]
    SEND a_skipped_argument_that_cannot_be_shared(n: Cell<u64> = Cell::new(1)) -> u64 {
        yield_now().await;
        n.get()
    }

    #[cached(key = n.get())]
    SEND a_key_of_what_cannot_be_shared(n: Cell<u64> = Cell::new(1)) -> u64 {
        yield_now().await;
        n.get()
    }

    #[cached(key = Rc::new(n).to_string())]
    SEND a_key_by_way_of_what_cannot_be_sent(n: u64 = 1) -> u64 { yield_now().await; n }

    #[cached(
        ttl = "1m", negative_ttl = "1s", tags = ["n:{n}"], cache_if = |n| n.is_some(),
        bypass_if = n == 9, codec = cache_runtime::MessagePack
    )]
    SEND every_hook(n: u64 = 1) -> Result<Option<u64>, Box<dyn Error>> {
        yield_now().await;
        Ok(Some(positive(n)?))
    }

    #[cached]
    NOT_SEND a_value_across_an_await(n: u64 = 1) -> u64 {
        let n = Rc::new(n);
        yield_now().await;
        *n
    }

    #[cached(skip(n))]
    NOT_SEND an_argument_that_cannot_be_sent(n: Rc<u64> = Rc::new(1)) -> u64 {
        yield_now().await;
        *n
    }

    #[cached]
    NOT_SEND a_reference_to_what_cannot_be_shared(n: &Cell<u64> = &Cell::new(1)) -> u64 {
        yield_now().await;
        n.get()
    }

    #[cached]
    NOT_SEND another_future_that_cannot_be_sent(n: u64 = 1) -> u64 {
        a_value_across_an_await::annotated(n).await
    }

    #[cached]
    SEND a_large_value_across_an_await() -> usize {
        let large = [0_u8; LARGE];
        yield_now().await;
        large.len()
    }

    #[cached(skip(large))]
    SEND a_large_argument(large: [u8; LARGE] = [0; LARGE]) -> usize {
        yield_now().await;
        large.len()
    }

    #[cache_invalidate(prefix = "twins")]
    SEND an_invalidation(n: u64 = 1) -> u64 { yield_now().await; n }

    #[cache_invalidate(prefix = "twins:{n}", tags = ["n:{n}"], entry = a_number::annotated(n))]
    SEND an_invalidation_that_fails(n: u64 = 1) -> Result<u64, String> { yield_now().await; Ok(n) }

    #[cache_invalidate(prefix = "twins")]
    SEND an_invalidation_whose_error_cannot_be_sent(n: u64 = 1) -> Result<u64, Box<dyn Error>> {
        yield_now().await;
        positive(n)
    }

    #[cache_invalidate(prefix = "twins", when = "always")]
    SEND an_invalidation_whose_output_cannot_be_sent(n: u64 = 1) -> Rc<u64> {
        yield_now().await;
        Rc::new(n)
    }

    #[cache_invalidate(prefix = "twins", when = "before")]
    SEND an_invalidation_before_what_cannot_be_sent(n: u64 = 1) -> Rc<u64> {
        yield_now().await;
        Rc::new(n)
    }

    #[cache_invalidate(prefix = "twins", if = |n| **n > 0)]
    SEND a_condition_on_what_cannot_be_sent(n: u64 = 1) -> Rc<u64> {
        yield_now().await;
        Rc::new(n)
    }

    #[cache_invalidate(prefix = "twins")]
    SEND an_opaque_output(n: u64 = 1) -> impl Display { yield_now().await; n }

    #[cache_invalidate(prefix = "twins")]
    SEND an_opaque_output_that_cannot_be_sent(n: u64 = 1) -> impl Display {
        yield_now().await;
        Rc::new(n)
    }

    #[cache_invalidate(prefix = "twins")]
    SEND a_borrowed_output(text: &str = "a") -> &str { yield_now().await; text }

    #[cache_invalidate(prefix = "twins")]
    NOT_SEND an_invalidation_with_a_value_across_an_await(n: u64 = 1) -> u64 {
        let n = Rc::new(n);
        yield_now().await;
        *n
    }

    #[cache_invalidate(entry = an_argument_that_cannot_be_sent::annotated(Rc::new(n)))]
    SEND an_entry_of_what_cannot_be_sent(n: u64 = 1) -> u64 { yield_now().await; n }

    #[cache_invalidate(prefix = "twins")]
    SEND an_invalidation_with_a_large_value_across_an_await() -> usize {
        let large = [0_u8; LARGE];
        yield_now().await;
        large.len()
    }

    #[cache_invalidate(prefix = "twins")]
    SEND an_invalidation_with_a_large_argument(large: [u8; LARGE] = [0; LARGE]) -> usize {
        yield_now().await;
        large.len()
    }

    #[cache_put(entry = a_number::annotated(n))]
    SEND a_put(n: u64 = 1) -> u64 { yield_now().await; n }

    #[cache_put(entry = an_error_that_cannot_be_sent::annotated(n))]
    SEND a_put_whose_error_cannot_be_sent(n: u64 = 1) -> Result<u64, Box<dyn Error>> {
        yield_now().await;
        positive(n)
    }

    #[cache_put(entry = a_number::annotated(n))]
    NOT_SEND a_put_with_a_value_across_an_await(n: u64 = 1) -> u64 {
        let n = Rc::new(n);
        yield_now().await;
        *n
    }

    #[cache_put(entry = stored::annotated())]
    SEND a_put_with_a_large_argument(large: [u8; LARGE] = [0; LARGE]) -> usize {
        yield_now().await;
        large.len()
    }

    #[cached]
    SEND stored() -> usize { 1 }

    #[cached(each(id in ids))]
    SEND many_ids(ids: Vec<u64> = vec![1]) -> Vec<u64> { yield_now().await; ids }

    #[cached(each(id in ids))]
    SEND many_borrowed_ids(ids: &[&str] = &["a"], text: &str = "a") -> Vec<String> {
        yield_now().await;
        ids.iter().map(|id| format!("{text}{id}")).collect()
    }

    #[cached(skip(n), each(id in ids))]
    SEND many_ids_beside_what_cannot_be_shared(ids: Vec<u64> = vec![1], n: Cell<u64> = Cell::new(1)) -> Vec<u64> {
        yield_now().await;
        ids.iter().map(|id| id + n.get()).collect()
    }

    #[cached(key = (id.clone(), n), bypass_if = id.is_empty(), tags = ["of:{id}"], each(id in ids))]
    SEND many_ids_in_an_expression(ids: Vec<String> = Vec::new(), n: u64 = 1) -> Result<Vec<u64>, Box<dyn Error>> {
        yield_now().await;
        Ok(vec![positive(n)?; ids.len()])
    }

    #[cached(entry = a_number::annotated(id), each(id in ids))]
    SEND many_entries(ids: Vec<u64> = vec![1]) -> Result<Vec<u64>, Rc<str>> {
        yield_now().await;
        Ok(ids)
    }

    #[cached(entry = a_number::annotated(id), each(id in ids), background = true)]
    SEND many_entries_in_the_background(ids: Vec<u64> = vec![1]) -> Vec<u64> {
        yield_now().await;
        ids
    }

    #[cached(each(id in ids))]
    SEND many_ids_and_a_large_value_across_an_await(ids: Vec<u64> = vec![1]) -> Vec<u64> {
        let large = [0_u8; LARGE];
        yield_now().await;
        vec![large.len() as u64; ids.len()]
    }

    #[cached(skip(n), each(id in ids))]
    NOT_SEND many_ids_beside_what_cannot_be_sent(ids: Vec<u64> = vec![1], n: Rc<u64> = Rc::new(1)) -> Vec<u64> {
        yield_now().await;
        ids.iter().map(|id| id + *n).collect()
    }

    #[cached(each(id in ids))]
    NOT_SEND many_ids_and_a_value_across_an_await(ids: Vec<u64> = vec![1]) -> Vec<u64> {
        let ids = Rc::new(ids);
        yield_now().await;
        ids.to_vec()
    }

    #[cache_invalidate(prefix = "twins:{id}", entry = a_number::annotated(id), each(id in ids))]
    SEND an_invalidation_of_many(ids: Vec<u64> = vec![1]) -> usize { yield_now().await; ids.len() }

    #[cache_invalidate(prefix = "twins")]
    #[cached]
    SEND both_attributes(n: u64 = 1) -> Result<u64, Box<dyn Error>> {
        yield_now().await;
        positive(n)
    }
}

fn positive(n: u64) -> Result<u64, Box<dyn Error>> {
    if n == 0 { Err("zero".into()) } else { Ok(n) }
}

#[cached]
async fn generic<T: Serialize + Display>(value: T) -> String {
    yield_now().await;
    value.to_string()
}

/// Calls whose types are known by their bounds alone, with arbitrary lifetimes.
#[tokio::test]
async fn generic_and_borrowing_calls_can_be_spawned() {
    async fn call<T: Serialize + Display + Send + Sync + 'static>(value: T) -> String {
        let call = async move {
            let text = generic(&value).await;
            let list = [text.len() as u64];
            borrowed_arguments::annotated(&text, &list).await;
            an_error_that_borrows::annotated(&text).await.unwrap();
            a_borrowed_output::annotated(&text).await.to_owned()
        };
        tokio::spawn(call).await.unwrap()
    }
    assert_eq!(call(1).await, "1");
}
