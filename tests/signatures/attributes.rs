//! Attributes of other kinds on the same function.

use std::num::ParseIntError;

use async_trait::async_trait;
use cache_runtime::cached;
use tokio::task::yield_now;
use tracing::instrument;

use crate::check::{load, shapes};

shapes! {
    an_inner_attribute: inner_attribute(1).await => 1, inner_attribute(2).await => 2;
    a_function_that_is_configured_out: configured(1).await => 2, configured(2).await => 3;
    an_attribute_by_configuration: by_configuration(1).await => 1, by_configuration(2).await => 2;
    instrument_above: instrumented_above(1).await => 1, instrumented_above(2).await => 2;
    instrument_below: instrumented_below(1).await => 1, instrumented_below(2).await => 2;
    instrument_with_its_own_options: instrumented_result(1).await => Ok(1), instrumented_result(2).await => Ok(2);
    instrument_on_a_method: Shop.above(1).await => 1, Shop.above(2).await => 2;
    instrument_below_on_a_method: Shop.below(1).await => 1, Shop.below(2).await => 2;
    instrument_above_under_async_trait: Shop.boxed_above(1).await => 1, Shop.boxed_above(2).await => 2;
    instrument_below_under_async_trait: Shop.boxed_below(1).await => 1, Shop.boxed_below(2).await => 2;
    other_attributes: many_attributes(1).await => 1, many_attributes(2).await => 2;
}

#[cached]
async fn inner_attribute(n: u64) -> u64 {
    #![allow(unused_variables, reason = "it is the shape under test")]
    let unused = 1;
    load(n)
}

#[cached]
#[cfg(any())]
async fn configured(n: Missing) -> Missing {
    missing(n)
}

#[cfg(any())]
#[cached]
async fn configured(n: Missing) -> Missing {
    missing(n)
}

#[cached]
#[cfg(test)]
async fn configured(n: u64) -> u64 {
    #[cfg(any())]
    return missing(n);
    #[cfg(test)]
    load(n + 1)
}

#[cfg_attr(test, cached)]
async fn by_configuration(n: u64) -> u64 {
    load(n)
}

#[instrument]
#[cached]
async fn instrumented_above(n: u64) -> u64 {
    load(n)
}

#[cached]
#[instrument]
async fn instrumented_below(n: u64) -> u64 {
    yield_now().await;
    load(n)
}

#[cached]
#[instrument(level = "debug", skip_all, fields(number = n), err, ret)]
async fn instrumented_result(n: u64) -> Result<u64, ParseIntError> {
    "1".parse::<u64>()?;
    load(Ok(n))
}

struct Shop;

impl Shop {
    #[instrument(skip(self))]
    #[cached(skip(self))]
    async fn above(&self, n: u64) -> u64 {
        load(n)
    }

    #[cached(skip(self))]
    #[instrument(skip(self))]
    async fn below(&self, n: u64) -> u64 {
        load(n)
    }
}

#[async_trait]
trait Instrumented {
    async fn boxed_above(&self, n: u64) -> u64;
    async fn boxed_below(&self, n: u64) -> u64;
}

#[async_trait]
impl Instrumented for Shop {
    #[instrument(skip(self))]
    #[cached(skip(self))]
    async fn boxed_above(&self, n: u64) -> u64 {
        yield_now().await;
        load(n)
    }

    #[cached(skip(self))]
    #[instrument(skip(self))]
    async fn boxed_below(&self, n: u64) -> u64 {
        yield_now().await;
        load(n)
    }
}

/// Documented.
#[doc = "Twice."]
#[doc(alias = "several")]
#[inline]
#[must_use]
#[cold]
#[track_caller]
#[allow(dead_code, ungated_async_fn_track_caller, reason = "it is the shape under test")]
#[cached]
#[allow(clippy::identity_op)]
/// After the attribute.
pub(in crate::attributes) async fn many_attributes(n: u64) -> u64 {
    load(n + 0)
}
