//! `hitbox`: its attribute for functions, with its backend in memory and the value format that it
//! recommends. It takes no borrowed arguments.
//!
//! It keeps values encoded, so there is no `Arc`; and each function takes half a minute to build, so
//! there is no struct either.

use std::sync::LazyLock;

use hitbox_backend::format::BincodeFormat;
use hitbox_fn::Cache;
use hitbox_fn::prelude::{PolicyConfig, cached};
use hitbox_moka::MokaBackend;

use super::value::load;
use super::{Ask, ROOM, TTL, Values, each};
use crate::ready;

static CACHE: LazyLock<Cache<MokaBackend<BincodeFormat>>> = LazyLock::new(|| {
    Cache::builder()
        .backend(
            MokaBackend::builder().max_entries(ROOM as u64).value_format(BincodeFormat).build(),
        )
        .policy(PolicyConfig::builder().ttl(TTL).build())
        .build()
});

pub(super) fn ask(values: Values) -> Option<Ask> {
    Some(match values {
        Values::Number => {
            |calls| each(calls, |id, text| ready(number(id, text.into()).cache(&*CACHE)))
        }
        Values::Bytes => {
            |calls| each(calls, |id, text| ready(bytes(id, text.into()).cache(&*CACHE)))
        }
        Values::Record | Values::Shared => return None,
    })
}

#[cached(prefix = "number")]
async fn number(id: u64, text: String) -> u64 {
    load(id, &text)
}

#[cached(prefix = "bytes")]
async fn bytes(id: u64, text: String) -> Vec<u8> {
    load(id, &text)
}
