//! Tokens that a load needs besides those of its begin: of tags that the value brings, and of the names of inner entries.

use std::time::Duration;

use super::births::{Count, NotedCounts, WORD, counts};
use super::error::{StoreError, StoreResult};
use super::lane::Lane;
use super::life::{TOKEN_TTL, token_life};
use super::load::FillTicket;
use super::pending;
use super::raise::{note_call, notes};
use super::ready::Ready;
use super::script::{Script, ScriptCall};
use super::unavailable::Unavailable;
use super::{Life, RedisStore, number};

/// Returns the life of the token of a name, as an argument.
pub(super) fn token_life_of_names() -> String {
    token_life(Life::For(Duration::ZERO))
}

impl RedisStore {
    /// Lets the tokens of tags outlive an entry of this life. Nothing is requested for a life of up to half a day, because
    /// every token lives for a day.
    pub(crate) async fn keep_tokens(&self, tags: &[String], life: Life) -> Result<(), Unavailable> {
        if tags.is_empty() || life <= Life::For(TOKEN_TTL / 2) {
            return Ok(());
        }
        self.note_tags(tags, life).await.map(drop)
    }

    /// Notes the tokens of tags, which outlive an entry of this life. Missing ones are made.
    pub(crate) async fn note_tags(
        &self,
        tags: &[String],
        life: Life,
    ) -> Result<Vec<u64>, Unavailable> {
        let keys = &self.0.keys;
        let tokens: Vec<_> = tags.iter().map(|tag| keys.token(tag)).collect();
        let permit = pending::permit(&self.0, || keys.removals_of(tags)).await?;
        let noted = permit.ask(note(&permit.ready, &tokens, life)).await?;
        Ok(noted.iter().map(|token| number(token)).collect())
    }

    /// Returns the tokens of tags that have become known after the body of a load; `None` if one of the tags may have
    /// been invalidated since the load noted its ticket.
    ///
    /// The tokens outlive an entry of this life.
    pub(crate) async fn tokens_since(
        &self,
        ticket: &FillTicket,
        tags: &[impl AsRef<str>],
        life: Life,
    ) -> Result<Option<Vec<u64>>, Unavailable> {
        self.tokens_since_counts(ticket.counts.as_deref(), tags, life).await
    }

    /// Does the same for these removal counters, which were noted before the body.
    pub(super) async fn tokens_since_counts(
        &self,
        counts_before: Option<&NotedCounts>,
        tags: &[impl AsRef<str>],
        life: Life,
    ) -> Result<Option<Vec<u64>>, Unavailable> {
        let keys = &self.0.keys;
        let tokens: Vec<_> = tags.iter().map(|tag| keys.token(tag.as_ref())).collect();
        let numbers: Vec<_> = tokens.iter().filter_map(|token| keys.counter_of(token)).collect();
        // R6: the removal of such a tag may be pending, which the load's begin did not check.
        let permit = pending::permit(&self.0, || tokens.clone()).await?;
        let noted_counts = counts_before.filter(|noted| noted.servers == permit.ready.server());
        let Some(noted_counts) = noted_counts else { return Ok(None) };
        let asked = async {
            let ready = &permit.ready;
            let noted = note(ready, &tokens, life).await?;
            // The counters are read when all of the tokens are there.
            let now = counts(ready, keys, numbers.iter().copied()).await?;
            let stamps = stale_births(&tokens, &noted, &now);
            // A birth that is not recorded costs only the store of another load.
            let _ = ready.script_each(Lane::Quick, &stamps).await;
            Ok((noted, now))
        };
        let (noted, now) = permit.ask(asked).await?;
        let before = numbers.iter().map(|number| noted_counts.get(*number));
        let each = noted.iter().zip(&now).zip(before).map(|((token, now), before)| {
            let (token, birth) = token.split_at_checked(WORD)?;
            let before = before?;
            (before == now || before.covers(birth)).then(|| number(token))
        });
        let tokens: Option<Vec<_>> = each.collect();
        Ok(tokens.filter(|tokens| tokens.len() == tags.len()))
    }
}

/// Notes tokens, and returns them with their births. Missing ones are made.
pub(super) async fn note(
    ready: &Ready,
    tokens: &[String],
    life: Life,
) -> StoreResult<Vec<Vec<u8>>> {
    let notes = notes(&vec![life; tokens.len()]);
    let calls: Vec<_> = tokens.iter().zip(&notes).map(note_call).collect();
    let noted = ready.script_each(Lane::Quick, &calls).await;
    noted.into_iter().map(|token| token.and_then(StoreError::read)).collect()
}

/// Returns the calls that record the births of tokens that have none, or one of a lost counter.
fn stale_births<'a>(
    keys: &'a [String],
    tokens: &'a [Vec<u8>],
    counts: &'a [Count],
) -> Vec<ScriptCall<'a>> {
    let each = keys.iter().zip(tokens).zip(counts);
    each.filter_map(|((key, token), count)| {
        let (token, birth) = token.split_at_checked(WORD)?;
        let arguments = vec![token, &count.0[..]];
        count.is_of_another(birth).then_some(ScriptCall { script: Script::Stamp, key, arguments })
    })
    .collect()
}
