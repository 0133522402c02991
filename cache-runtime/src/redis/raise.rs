//! Tokens that live longer than it was expected when they were noted: the value decides about the life of its entry.

use super::all_tags::AllTags;
use super::error::unless_all_failed;
use super::lane::Lane;
use super::life::token_life;
use super::pending;
use super::script::{Script, ScriptCall};
use super::{Life, RedisStore};
use crate::support::random;

impl RedisStore {
    /// Lets the tokens of the root and of these tags outlive entries with these lives, which are longer than it was
    /// expected when the tokens were noted.
    ///
    /// R1: an entry whose token has ended is stale. So a failure costs a load later, and has no other effect.
    pub(super) async fn raise_tokens(&self, entries: &[(&[impl AsRef<str>], Life)]) {
        if entries.is_empty() {
            return;
        }
        let all = AllTags::of(entries.iter().copied());
        let keys: Vec<String> = self.0.keys.tokens(&all.tags).collect();
        let Ok(permit) = pending::permit(&self.0, || keys.clone()).await else { return };
        let notes = notes(&all.lives);
        let calls: Vec<_> = keys.iter().zip(&notes).map(note_call).collect();
        let raised =
            async { unless_all_failed(permit.ready.script_each(Lane::Quick, &calls).await) };
        let _ = permit.ask(raised).await;
    }
}

/// Returns the life of each token, and the token that is made if there is none.
pub(super) fn notes(lives: &[Life]) -> Vec<(String, [u8; 8])> {
    lives.iter().map(|life| (token_life(*life), random::word().to_le_bytes())).collect()
}

pub(super) fn note_call<'a>(
    (key, (ms, fresh)): (&'a String, &'a (String, [u8; 8])),
) -> ScriptCall<'a> {
    ScriptCall { script: Script::Note, key, arguments: vec![ms.as_bytes(), &fresh[..]] }
}
