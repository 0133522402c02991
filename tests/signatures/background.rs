//! Functions whose body may be run in a task of its own: there it has copies of the arguments, and
//! another name for `self`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use cache_runtime::cached;
use serde::Serialize;
use tokio::task::yield_now;

use crate::check::{load, shapes};

shapes! {
    plain_numbers: numbers(1, 2).await => 3, numbers(1, 3).await => 4;
    borrowed_arguments: borrowed("a", &[1], Path::new("b")).await => "a[1]b", borrowed("a", &[2], Path::new("b")).await => "a[2]b";
    named_lifetimes: named("a", "b").await => 2, named("a", "bc").await => 3;
    a_static_text: fixed("a", &3).await => 4, fixed("b", &4).await => 5;
    an_owned_cow: cow("a".into()).await => "a", cow("b".into()).await => "b";
    mut_arguments: changed(vec![1], 2).await => [1, 2], changed(vec![1], 3).await => [1, 3];
    an_unused_argument: unused(1, 2).await => 1, unused(2, 2).await => 2;
    an_unnamed_argument: unnamed(1, 5).await => 5, unnamed(1, 6).await => 6;
    raw_identifiers: raw(1, &2).await => 3, raw(1, &3).await => 4;
    a_map: map(HashMap::from([(1, 'a')])).await => 1, map(HashMap::new()).await => 0;
    generics: generic(1_u8, "x").await => "1x", generic(2_u8, "x").await => "2x";
    a_function_pointer: applied(|n| n + 1, 1).await => 2, applied(|n| n + 1, 2).await => 3;
    no_arguments_but_a_skipped_one: skipped(&Arc::new(7)).await => 7, numbers(0, 1).await => 1;
    a_question_mark: parsed("1").await => Ok(1), parsed("2").await => Ok(2);
    a_detached_load: detached("1", vec![1]).await => Ok(2), detached("2", vec![1]).await => Ok(3);
    a_detached_generic: detached_generic(&1_i64).await => Ok(1), detached_generic(&2_i64).await => Ok(2);
    a_return: returned(1).await => 1, returned(20).await => 0;
    nothing_returned: silent(1).await => (), silent(2).await => ();
    a_labelled_loop: power(2, 3).await => 8, power(3, 2).await => 9;
    by_reference: Service(1).by_reference(2).await => 3, Service(1).by_reference(3).await => 4;
    by_value: Service(1).by_value(2).await => 3, Service(1).by_value(3).await => 4;
    a_mut_self: Service(1).emptied(2).await => 3, Service(1).emptied(3).await => 4;
    in_an_arc: Arc::new(Service(1)).in_an_arc(2).await => 3, Arc::new(Service(1)).in_an_arc(3).await => 4;
    an_associated_function: Service::associated(2).await => 2, Service::associated(3).await => 3;
    self_in_closures_and_macros: Service(1).used_all_over(2).await => "1 2 3", Service(1).used_all_over(3).await => "1 3 4";
    items_with_a_self_of_their_own: Service(1).with_items(2).await => 4, Service(1).with_items(3).await => 5;
    a_generic_receiver: Wrapper(1_u8).shown("a").await => "1a", Wrapper(1_u8).shown("b").await => "1b";
    a_trait_method: Service(1).native("a").await => 2, Service(1).native("ab").await => 3;
    an_async_trait_method: Service(1).boxed("a").await => Ok(2), Service(1).boxed("ab").await => Ok(3);
    a_dyn_method: (&Service(5) as &(dyn Boxed + Sync)).boxed("a").await => Ok(6), Service(5).boxed("ab").await => Ok(7);
}

#[cached(stale_while_revalidate = "1m")]
async fn numbers(a: u64, b: u64) -> u64 {
    load(a + b)
}

#[cached(stale_while_revalidate = "1m")]
async fn borrowed(text: &str, list: &[u64], path: &Path) -> String {
    yield_now().await;
    load(format!("{text}{list:?}{}", path.display()))
}

#[cached(early_refresh = 1.0)]
async fn named<'a, 'b: 'a>(first: &'a str, second: &'b str) -> usize {
    load(first.len() + second.len())
}

#[cached(early_refresh = 1.0)]
async fn fixed(text: &'static str, n: &u64) -> u64 {
    load(text.len() as u64 + n)
}

#[cached(early_refresh = 1.0)]
async fn cow(text: Cow<'static, str>) -> String {
    load(text.into_owned())
}

#[cached(stale_while_revalidate = "1m")]
async fn changed(mut list: Vec<u64>, mut last: u64) -> Vec<u64> {
    last += 0;
    list.push(last);
    load(list)
}

#[cached(stale_while_revalidate = "1m")]
async fn unused(n: u64, _m: u64) -> u64 {
    load(n)
}

#[cached(stale_while_revalidate = "1m")]
async fn unnamed(_: u64, n: u64) -> u64 {
    load(n)
}

#[cached(stale_while_revalidate = "1m")]
async fn raw(r#type: u64, r#fn: &u64) -> u64 {
    load(r#type + r#fn)
}

#[cached(stale_while_revalidate = "1m")]
async fn map(map: HashMap<u64, char>) -> usize {
    load(map.len())
}

#[cached(stale_while_revalidate = "1m")]
async fn generic<T, S>(value: T, text: &S) -> String
where
    T: Display + Serialize + Clone + Send + 'static,
    S: Display + Serialize + ToOwned<Owned: Send + Sync + 'static> + ?Sized + Sync,
{
    load(format!("{value}{text}"))
}

#[cached(stale_while_revalidate = "1m", skip(f))]
async fn applied(f: fn(u64) -> u64, n: u64) -> u64 {
    load(f(n))
}

#[cached(stale_while_revalidate = "1m", skip(pool))]
async fn skipped(pool: &Arc<u64>) -> u64 {
    load(**pool)
}

#[cached(stale_while_revalidate = "1m", stale_if_error = "1h", load_timeout = "1s")]
async fn parsed(text: &str) -> Result<u64, std::num::ParseIntError> {
    let number = load(text).parse()?;
    Ok(number)
}

#[cached(detached = true)]
async fn detached(text: &str, mut list: Vec<u64>) -> Result<u64, std::num::ParseIntError> {
    list.push(load(text).parse()?);
    Ok(list.iter().sum())
}

#[cached(detached = true, stale_while_revalidate = "1m")]
async fn detached_generic<T, E>(value: &T) -> Result<u64, E>
where
    T: Serialize + Clone + TryInto<u64, Error = E> + Send + Sync + 'static,
    E: Send + 'static,
{
    load(value.clone()).try_into()
}

#[cached(stale_while_revalidate = "1m")]
async fn returned(n: u64) -> u64 {
    if load(n) > 9 {
        return 0;
    }
    n
}

#[cached(stale_while_revalidate = "1m")]
async fn silent(n: u64) {
    load(n);
}

#[cached(stale_while_revalidate = "1m")]
async fn power(base: u64, exponent: u32) -> u64 {
    let (mut product, mut left) = (1, exponent);
    'product: loop {
        for factor in [base, base] {
            if left == 0 {
                break 'product load(product);
            }
            product *= factor;
            left -= 1;
        }
    }
}

#[derive(Clone)]
struct Service(u64);

impl Service {
    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn by_reference(&self, n: u64) -> u64 {
        load(self.0 + n)
    }

    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn by_value(self, n: u64) -> u64 {
        load(self.0 + n)
    }

    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn emptied(mut self, n: u64) -> u64 {
        let own = std::mem::take(&mut self.0);
        load(own + n)
    }

    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn in_an_arc(self: Arc<Self>, n: u64) -> u64 {
        load(self.0 + n)
    }

    #[cached(stale_while_revalidate = "1m")]
    async fn associated(n: u64) -> u64 {
        load(Self(n).0)
    }

    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn used_all_over(&self, n: u64) -> String {
        let sum = || self.0 + n;
        let text = format!("{} {n} {}", self.0, sum());
        let later = async { self.plain(text).await };
        load(later.await)
    }

    async fn plain(&self, text: String) -> String {
        text
    }

    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn with_items(&self, n: u64) -> u64 {
        trait Next {
            fn next(&self) -> u64;
        }
        impl Next for u64 {
            fn next(&self) -> u64 {
                self + 1
            }
        }
        struct Local(u64);
        impl Local {
            fn get(self) -> u64 {
                self.0
            }
        }
        fn free(n: u64) -> u64 {
            n
        }
        let call: fn(u64) -> u64 = free;
        load(call(Local(n.next()).get() + self.0))
    }
}

struct Wrapper<T>(T);

impl<T: Clone> Clone for Wrapper<T> {
    fn clone(&self) -> Self {
        Wrapper(self.0.clone())
    }
}

impl<T: Display + Clone + Send + Sync + 'static> Wrapper<T> {
    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn shown(&self, text: &str) -> String {
        load(format!("{}{text}", self.0))
    }
}

trait Native {
    async fn native(&self, text: &str) -> usize;
}

impl Native for Service {
    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn native(&self, text: &str) -> usize {
        load(self.0 as usize + text.len())
    }
}

#[async_trait::async_trait]
trait Boxed {
    async fn boxed(&self, text: &str) -> Result<usize, String>;
}

#[async_trait::async_trait]
impl Boxed for Service {
    #[cached(stale_while_revalidate = "1m", skip(self))]
    async fn boxed(&self, text: &str) -> Result<usize, String> {
        yield_now().await;
        Ok(load(self.0 as usize + text.len()))
    }
}
