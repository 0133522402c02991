//! Removes keys, and publishes the notice about it.

use futures_util::future::{join, join_all};

use super::error::StoreResult;
use super::lane::Lane;
use super::ready::Ready;
use super::script::Script;
use super::shared::Shared;
use crate::format::entry;

/// Removes keys and publishes the notice. The first `tokens` keys are those of tokens. The tokens of names
/// are removed with the names. Returns the number of removed entries.
pub(super) async fn remove(
    shared: &Shared,
    ready: &Ready,
    lane: Lane,
    keys: &[String],
    tokens: usize,
    notice: &[u8],
) -> StoreResult<u64> {
    let (feed, notice) = (shared.keys.feed(), ready.tells(notice));
    let send = async |keys: &[String], tokens: usize, notice: &[u8]| -> StoreResult<u64> {
        let tokens = tokens.to_string();
        let arguments = [&entry::VALUE_MAGIC[..], tokens.as_bytes(), feed.as_bytes(), notice];
        ready.script(lane, Script::Remove, keys, &arguments).await
    };
    let with_name_tokens = |keys: &[String], tokens: usize| {
        let mut all: Vec<_> = keys.iter().filter_map(|key| shared.keys.name_token(key)).collect();
        let tokens = tokens + all.len();
        all.extend(keys.iter().cloned());
        (all, tokens)
    };
    if !ready.is_cluster() {
        let (keys, tokens) = with_name_tokens(keys, tokens);
        return send(&keys, tokens, notice).await;
    }
    // Each key is removed on its own node, which publishes the notice.
    let each = async |(number, key): (usize, &String)| {
        let notice = match notice.is_empty() {
            true => Vec::new(),
            false => shared.notice_of(std::slice::from_ref(key)),
        };
        let (keys, tokens) =
            with_name_tokens(std::slice::from_ref(key), usize::from(number < tokens));
        match &keys[..] {
            [token, key] => {
                if ready.are_together(token, key) {
                    match send(&keys, tokens, &notice).await {
                        Err(error) if error.is_half_moved() => {}
                        removed => return removed,
                    }
                }
                let token = send(std::slice::from_ref(token), 1, &notice);
                let (token, removed) =
                    join(token, send(std::slice::from_ref(key), tokens - 1, &notice)).await;
                token.and(removed)
            }
            keys => send(keys, tokens, &notice).await,
        }
    };
    let removed = join_all(keys.iter().enumerate().map(each)).await;
    removed.into_iter().sum()
}
