//! Reads an entry for a body that inherits its dependencies.

use redis::cmd;

use super::error::{StoreError, StoreResult};
use super::lane::Lane;
use super::pending;
use super::ready::{Ready, absent_if_foreign};
use super::script::Script;
use super::tokens::token_life_of_names;
use super::unavailable::Unavailable;
use super::{Found, RedisStore, bytes_of, number, token};
use crate::support::random;

/// The token of the name, and the replies for the entry and the tokens of its tags.
type NotedReplies = (u64, Vec<redis::Value>);

impl RedisStore {
    /// Notes the token of a name, and then reads the entry under it, with the tokens of these tags if there are any. This is
    /// one round trip. The name and its token are on one node, which executes the requests in this order.
    pub(crate) async fn read_noting(
        &self,
        name_tag: &str,
        name: &str,
        tags: Option<&[String]>,
        kind: u64,
    ) -> Result<(u64, Found), Unavailable> {
        let keys = &self.0.keys;
        let (value, of_name) = (keys.value(name), keys.token(name_tag));
        let tokens: Vec<String> = tags.map_or_else(Vec::new, |tags| keys.tokens(tags).collect());
        let before = tags.and_then(|tags| self.0.before_tokens(tags));
        let all = || [&value, &of_name].into_iter().chain(&tokens).cloned().collect();
        let permit = pending::permit(&self.0, all).await?;
        let lane = self.0.weights.lane(kind);
        let asked = std::pin::pin!(ask(&permit.ready, lane, &of_name, &value, &tokens));
        let (noted, mut replies) = permit.ask_large(lane, 1, asked).await?;
        let tokens = replies.split_off(1.min(replies.len()));
        let tokens: Vec<_> = tokens.iter().map(token).collect();
        if let (Some(before), Some(tags)) = (before, tags) {
            self.0.token_cache.remember(before, tags, tokens.iter().copied());
        }
        let bytes = replies.pop().and_then(bytes_of);
        self.0.weights.note(kind, bytes.as_ref().map_or(0, Vec::len));
        Ok((noted, Found { bytes, tokens, now_ms: permit.now_ms(&value) }))
    }
}

async fn ask(
    ready: &Ready,
    lane: Lane,
    of_name: &String,
    value: &str,
    tokens: &[String],
) -> StoreResult<NotedReplies> {
    let new = random::word().to_le_bytes();
    let life = token_life_of_names();
    let (keys, arguments) = (std::slice::from_ref(of_name), [life.as_bytes(), &new[..]]);
    let read: Vec<&str> = std::iter::once(value).chain(tokens.iter().map(String::as_str)).collect();
    let get = |key| {
        let mut get = cmd("GET");
        get.arg(key);
        (key, get)
    };
    let note = ready.scripts().call(Script::Note, keys, &arguments);
    let commands =
        std::iter::once((of_name.as_str(), note)).chain(read.iter().copied().map(get)).collect();
    let mut replies = ready.ask_each(lane, commands).await.into_iter();
    let noted = replies.next().unwrap_or(Ok(redis::Value::Nil));
    if noted.as_ref().is_err_and(StoreError::is_no_script) {
        // The server has lost the script. The entry is read again, after the token is noted.
        let noted: Vec<u8> = ready.script(Lane::Quick, Script::Note, keys, &arguments).await?;
        let values = ready.values(lane, &read).await?;
        return Ok((number(&noted), values));
    }
    let noted: Vec<u8> = noted.and_then(StoreError::read)?;
    let values = replies.map(|reply| reply.or_else(absent_if_foreign));
    Ok((number(&noted), values.collect::<StoreResult<_>>()?))
}
