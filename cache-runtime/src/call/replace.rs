//! Puts a value in the place of another one.

use super::Call;
use super::found::Version;
use crate::redis::Over;
use crate::tiers::put::{Put, PutOf};

/// Begins to replace the content of this place.
pub(super) async fn begin_put(call: &Call, place: u8) -> Put {
    let (key, longest) = (&call.key_at(place), call.policy.longest());
    let of = PutOf { key, stores: call.stores, longest, derives: call.policy.derives() };
    call.core.put(&of, Over::Nothing).await
}

/// Begins to replace the value that was found; `None` if another one is there by now.
pub(super) async fn begin_put_over(call: &Call, found: Version) -> Option<Put> {
    let put = begin_put(call, found.place()).await.refreshing();
    let is_there = match found {
        Version::Redis(at) => put.is_over(&at.state),
        Version::Memory(age_ms) => {
            let meta = call.core.meta_in_memory(&call.key);
            meta.is_none_or(|meta| meta.age_ms(call.core.clock.now_ms()) >= age_ms)
        }
    };
    if is_there {
        return Some(put);
    }
    put.give_up();
    None
}
