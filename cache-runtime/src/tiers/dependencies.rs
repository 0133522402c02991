//! The dependencies of an entry: those that were noted before the body, and those that its value brings.

use std::sync::Arc;

use super::inherited::{Inherited, Untraced};
use super::key::CallKey;
use crate::coherence::generation::{GenerationSnapshot, Slot};
use crate::config::Ttl;
use crate::key::name::MOST_TAGS;
use crate::redis::{FillTicket, Life, RedisStore};
use crate::tiers::core::Core;
use crate::tiers::policy::{Policy, Refusal};
use crate::value::ValueRef;

/// The maximum number of tags of an entry: of its name, of its function, and those that its value brings.
const MOST_IN_ENTRY: usize = 255;

/// The dependencies of an entry in Redis.
#[derive(Debug)]
pub(crate) struct Dependencies {
    /// The key, with all tags.
    pub(crate) key: Arc<CallKey>,
    /// The right to store, with the tokens of all tags.
    pub(crate) ticket: FillTicket,
    /// The generations of all tags, for a copy in memory; `None` if no copy may be kept.
    pub(crate) snapshot: Option<GenerationSnapshot>,
}

/// The dependencies that a value brings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Brought<'a> {
    /// The tags that follow from it.
    pub(crate) tags: &'a [String],
    /// The dependencies that its body has taken over.
    pub(crate) inherited: Option<&'a Inherited>,
}

impl Dependencies {
    /// Adds the dependencies that the value brings.
    ///
    /// # Errors
    /// The reason for which the value must not be stored.
    pub(crate) async fn add(
        &mut self,
        core: &Core,
        redis: &RedisStore,
        brought: Brought<'_>,
        life: Life,
    ) -> Result<(), Untraced> {
        self.add_tags(core, redis, brought.tags, life).await?;
        let Some(inherited) = brought.inherited else { return Ok(()) };
        let tags = self.inherit(core, inherited)?;
        redis.keep_tokens(&tags, life).await.map_err(|_| Untraced::Unavailable)
    }

    /// Adds tags that the value brings.
    ///
    /// R1: they count as noted before the body, because they are added only if none of them can have been invalidated
    /// since.
    async fn add_tags(
        &mut self,
        core: &Core,
        redis: &RedisStore,
        tags: &[String],
        life: Life,
    ) -> Result<(), Untraced> {
        let tags = self.key.lacking(tags);
        if tags.is_empty() {
            return Ok(());
        }
        if self.key.tags().len() + tags.len() > MOST_IN_ENTRY {
            return Err(Untraced::TooMany);
        }
        let tokens = redis.tokens_since(&self.ticket, &tags, life).await;
        let tokens = tokens.map_err(|_| Untraced::Unavailable)?.ok_or(Untraced::Overtaken)?;
        self.snapshot = self.snapshot.take().and_then(|noted| core.with_tags(&noted, &tags));
        self.key = Arc::new(self.key.with_tags(&tags));
        self.ticket = self.ticket.with_tokens(&tokens);
        Ok(())
    }

    /// Adds the dependencies that the body has taken over, and returns their tags.
    ///
    /// R1: their tokens are those that the inner entries record, and are not read again. So an invalidation since the
    /// inner values were loaded makes this entry stale, too.
    fn inherit(&mut self, core: &Core, inherited: &Inherited) -> Result<Vec<String>, Untraced> {
        let tokens = inherited.tokens()?;
        let (mut tags, mut further) = (Vec::new(), Vec::new());
        for (tag, token) in tokens {
            match self.token_of(&tag, &tags, &further) {
                None => {
                    tags.push(tag);
                    further.push(token);
                }
                Some(noted) if noted == token => {}
                // One of the two was noted before an invalidation.
                Some(_) => return Err(Untraced::Overtaken),
            }
        }
        let all = self.key.tags().len() + tags.len();
        if tags.len() > MOST_TAGS || all > MOST_IN_ENTRY {
            return Err(Untraced::TooMany);
        }
        self.snapshot = self.snapshot.take().and_then(|noted| core.inherit(&noted, inherited).ok());
        self.key = Arc::new(self.key.with_tags(&tags));
        self.ticket = self.ticket.with_tokens(&further);
        Ok(tags)
    }

    /// Returns the token of a tag, if it is known; the root's for an empty tag.
    fn token_of(&self, tag: &str, tags: &[String], tokens: &[u64]) -> Option<u64> {
        let own = self.key.tags().iter().zip(self.ticket.tokens.iter().skip(1));
        let mut all = own.chain(tags.iter().zip(tokens));
        match tag {
            "" => self.ticket.tokens.first().copied(),
            tag => all.find_map(|(known, token)| (known == tag).then_some(*token)),
        }
    }
}

impl Core {
    /// Adds the dependencies that the value of a key brings to the snapshot of its load.
    ///
    /// # Errors
    /// The reason for which the value must not be stored in memory.
    pub(crate) fn depend_in_memory(
        &self,
        key: &CallKey,
        snapshot: GenerationSnapshot,
        brought: Brought<'_>,
    ) -> Result<GenerationSnapshot, Untraced> {
        let tags = key.lacking(brought.tags);
        let snapshot = match tags.is_empty() {
            true => snapshot,
            false => self.with_tags(&snapshot, &tags).ok_or(Untraced::Overtaken)?,
        };
        brought
            .inherited
            .map_or(Ok(snapshot.clone()), |inherited| self.inherit(&snapshot, inherited))
    }

    /// Returns the TTL of a value, which is at most the rest of that of each inherited value.
    ///
    /// # Errors
    /// The reason for which the value is not stored.
    pub(crate) fn life(
        &self,
        policy: &Policy,
        value: ValueRef<'_>,
        inherited: Option<&Inherited>,
    ) -> Result<Ttl, Refusal> {
        let ttl = policy.life(value)?;
        let limit = |inherited: &Inherited| inherited.limit(ttl, self.clock.now_ms());
        inherited.map_or(Some(ttl), limit).ok_or(Refusal::Unwanted)
    }

    fn inherit(
        &self,
        snapshot: &GenerationSnapshot,
        inherited: &Inherited,
    ) -> Result<GenerationSnapshot, Untraced> {
        let stamps = inherited.stamps()?;
        let all = self.generations.with_stamps(snapshot, stamps.iter());
        all.ok_or(Untraced::Overtaken)
    }

    /// Adds tags that the value brings to a snapshot; `None` if one of them may have been invalidated since.
    fn with_tags(
        &self,
        snapshot: &GenerationSnapshot,
        tags: &[String],
    ) -> Option<GenerationSnapshot> {
        let slots: Vec<Slot> = tags.iter().map(|tag| Slot::tag(tag)).collect();
        self.generations.with_tags(snapshot, &slots)
    }
}
