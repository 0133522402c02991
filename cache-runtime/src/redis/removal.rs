//! Removes keys, and publishes the notice about it.

use futures_util::future::join_all;

use super::births;
use super::error::StoreResult;
use super::lane::Lane;
use super::ready::Ready;
use super::script::Script;
use super::shared::Shared;
use crate::format::entry;
use crate::support::random;

/// The replacement of the token under a key.
#[derive(Clone, Debug)]
pub(super) struct Swap {
    pub(super) key: String,
    pub(super) from: [u8; 8],
    pub(super) to: [u8; 8],
}

impl Swap {
    /// Returns the expected token and the new one.
    fn pair(&self) -> [&[u8]; 2] {
        [&self.from, &self.to]
    }
}

/// Removes keys and publishes the notice. The first `tokens` keys are those of tokens. The tokens of names
/// are removed with the names. The removals of tags are counted (see [`births`]). Returns the number of removed
/// entries.
pub(super) async fn remove(
    shared: &Shared,
    ready: &Ready,
    lane: Lane,
    keys: &[String],
    tokens: usize,
    notice: &[u8],
) -> StoreResult<u64> {
    replace(shared, ready, lane, keys, tokens, notice, &[]).await
}

/// Does the same, and replaces some of the tokens instead of removing them.
pub(super) async fn replace(
    shared: &Shared,
    ready: &Ready,
    lane: Lane,
    keys: &[String],
    tokens: usize,
    notice: &[u8],
    swaps: &[Swap],
) -> StoreResult<u64> {
    let (feed, notice) = (shared.keys.feed(), ready.tells(notice));
    let identity = random::word().to_le_bytes();
    let send = async |keys: &[String], tokens: usize, notice: &[u8]| -> StoreResult<u64> {
        let counters = match ready.is_cluster() {
            true => Vec::new(),
            false => births::counters_of(&shared.keys, keys),
        };
        let (tokens, count) = (tokens.to_string(), counters.len().to_string());
        let mut arguments = vec![
            &entry::VALUE_MAGIC[..],
            tokens.as_bytes(),
            feed.as_bytes(),
            notice,
            count.as_bytes(),
            &identity,
            births::COUNTER_MS.as_bytes(),
        ];
        let swapped = |key: &String| swaps.iter().find(|swap| swap.key == *key);
        let mut script = Script::Remove;
        if keys.iter().any(|key| swapped(key).is_some()) {
            script = Script::Soften;
            let pairs = keys.iter().map(|key| swapped(key).map_or([&[][..]; 2], Swap::pair));
            arguments.extend(pairs.flatten());
        }
        ready.script(lane, script, &[keys, &counters].concat(), &arguments).await
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
    // The counters may be on other nodes, so they are raised first.
    births::raise(ready, &shared.keys, keys).await?;
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
                // The token goes last. If it went first, a body that inherits could note a new token, and then read
                // the value that is about to be removed.
                let removed = send(std::slice::from_ref(key), tokens - 1, &notice).await?;
                send(std::slice::from_ref(token), 1, &notice).await.map(|_| removed)
            }
            keys => send(keys, tokens, &notice).await,
        }
    };
    let removed = join_all(keys.iter().enumerate().map(each)).await;
    removed.into_iter().sum()
}
