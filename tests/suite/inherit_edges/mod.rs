//! `inherit` beside every other option, and with bodies that interleave, fail and call themselves.

mod failures;
mod interleaved;
mod managers;
mod options;
mod requests;
mod shapes;
mod unstored;

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheManager, cached};
use cache_tests::Counter;

use crate::source::Source;

const MINUTE: Duration = Duration::from_secs(60);

/// The data behind an inner function, and the number of bodies of the outer one.
#[derive(Clone, Debug)]
struct Data {
    source: Source,
    bodies: Arc<Counter>,
}

impl Data {
    fn new() -> Self {
        Data { source: Source::new(1), bodies: Arc::new(Counter::new()) }
    }

    fn bodies(&self) -> usize {
        self.bodies.count()
    }
}

/// Makes functions that read the source, each with options of its own.
macro_rules! inner {
    ($($name:ident [$($option:tt)*];)+) => {$(
        #[cached(ttl = "10m", key = "{id}", tags = ["inners"], $($option)*)]
        async fn $name(data: &Data, id: u64) -> u64 {
            _ = id;
            data.source.read().await
        }
    )+};
}

/// Makes functions whose bodies call such a function, each with options of its own.
macro_rules! outer {
    ($($name:ident of $inner:ident [$($option:tt)*];)+) => {$(
        #[cached(ttl = "10m", key = "{id}", inherit, $($option)*)]
        async fn $name(data: &Data, id: u64) -> u64 {
            data.bodies.hit();
            $inner(data, id).await
        }
    )+};
}

use {inner, outer};

inner! {
    plain [];
}

/// Asserts that the value of `call` is kept, and that each change of the inner value of this name reaches it.
async fn follows(manager: &CacheManager, data: &Data, name: &str, call: impl AsyncFn() -> u64) {
    let mut bodies = data.bodies();
    for (turn, way) in ["nothing", "name", "tag", "prefix", "pattern"].into_iter().enumerate() {
        let now = turn as u64 + 1;
        data.source.set(now);
        match way {
            "name" => drop(manager.delete(name).await.unwrap()),
            "tag" => manager.invalidate_tag("inners").await.unwrap(),
            "prefix" => {
                let (prefix, _) = name.split_once(':').unwrap();
                manager.invalidate_prefix(prefix).await.unwrap();
            }
            "pattern" => drop(manager.clear(&format!("?{}", &name[1..])).await.unwrap()),
            _ => {}
        }
        assert_eq!([call().await, call().await], [now, now], "{name} {way}");
        bodies += 1;
        assert_eq!(data.bodies(), bodies, "{name} {way}: one body for each value");
    }
}
