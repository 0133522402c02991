//! Reads the entries beside a name, for functions that share the name with entries that they cannot use.

use super::examine::{Examined, Leftover, RedisRead, Terms, Tokens, UsableEntry, Vacancy};
use super::key::CallKey;
use super::shared_names::MOST_BESIDE;
use crate::coherence::generation::GenerationSnapshot;
use crate::redis::{Found, RedisStore, Unavailable};
use crate::tiers::core::Core;

impl Core {
    /// Takes a result from the entry of a name, or from one beside it, if it may be served. All entries and
    /// their tokens are read in one round trip. The value of a later load is stored in the first place that
    /// does not hold a valid entry of another function.
    pub(super) async fn fetch_beside<T>(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        terms: Terms,
        take: impl Fn(&UsableEntry<'_, '_>) -> Option<T>,
    ) -> Result<RedisRead<T>, Unavailable> {
        let mut places = self.shared_names.places(key.kind()).max(1);
        loop {
            let relies = self.relies_on_memory(terms.stores);
            let passed = if relies { None } else { self.pass_memory(terms.stores) };
            let terms = Terms { relies, ..terms };
            let snapshot = terms.notes().then(|| self.generations.note(key.slots()));
            let fetched =
                self.fetch_places(redis, key, places, snapshot, terms.grace_ms, &take).await?;
            passed.into_iter().for_each(|passed| self.generations.give_up(passed));
            match fetched {
                Some(fetched) => return Ok(fetched),
                None => places += 1,
            }
        }
    }

    /// Reads these places. Returns `None` if all of them are taken and there are further places.
    async fn fetch_places<T>(
        &self,
        redis: &RedisStore,
        key: &CallKey,
        places: u8,
        snapshot: Option<GenerationSnapshot>,
        grace_ms: u64,
        take: &impl Fn(&UsableEntry<'_, '_>) -> Option<T>,
    ) -> Result<Option<RedisRead<T>>, Unavailable> {
        let keys: Vec<CallKey> = (0..=places).map(|number| key.at(number)).collect();
        let mut found = read(redis, &keys).await?;
        let mut seen = Vec::new();
        // A fresh value is preferred to one past its TTL.
        for grace_ms in [0, grace_ms] {
            seen.clear();
            for (key, found) in keys.iter().zip(&found) {
                let (snapshot, present) = (snapshot.clone(), found.present(key.tags()));
                let tokens = Tokens::Read(&present);
                seen.push(match self.examine(key, found, tokens, snapshot, grace_ms, take) {
                    Examined::Usable(taken) => return Ok(self.used(key, places, taken)),
                    other => other,
                });
            }
        }
        for ((key, found), seen) in keys.iter().zip(&found).zip(&mut seen) {
            if let Examined::Unverified(snapshot) = seen {
                let snapshot = snapshot.take();
                *seen = match self.look_again(redis, key, found, snapshot, grace_ms, take).await? {
                    Examined::Usable(taken) => return Ok(self.used(key, places, taken)),
                    other => other,
                };
            }
        }
        let is_foreign = |seen: &Examined<T>| matches!(seen, Examined::Foreign { .. });
        let place = match seen.iter().position(|seen| !is_foreign(seen)) {
            Some(place) => place,
            None if places < MOST_BESIDE => return Ok(None),
            None => places.into(),
        };
        if seen.first().is_some_and(is_foreign) {
            self.shared_names.note(key.kind(), places);
        }
        let undecodable =
            seen.iter().any(|seen| matches!(seen, Examined::Foreign { undecodable: true }));
        let bytes = found.swap_remove(place).bytes.unwrap_or_default();
        let leftover = match seen.swap_remove(place) {
            Examined::Not(leftover) => leftover(bytes),
            _ => Leftover::Stale(bytes),
        };
        let place = u8::try_from(place).unwrap_or(MOST_BESIDE);
        Ok(Some(RedisRead::Not(Vacancy { place, leftover, undecodable })))
    }

    fn used<T>(&self, key: &CallKey, places: u8, taken: T) -> Option<RedisRead<T>> {
        match key.place() {
            0 => self.shared_names.note_alone(key.kind()),
            _ => self.shared_names.note(key.kind(), places),
        }
        Some(RedisRead::Usable(taken))
    }
}

/// Reads the content of these keys. The last key must have all tags of the others.
async fn read(redis: &RedisStore, keys: &[CallKey]) -> Result<Vec<Found>, Unavailable> {
    let names: Vec<_> = keys.iter().map(|key| (key.stored_as(), key.kind())).collect();
    let tags = keys.last().map_or(&[][..], CallKey::tags);
    let mut pace = redis.pace(names.iter().map(|(_, kind)| *kind));
    let (found, tokens) = redis.read_many(&names, tags, &mut pace).await?;
    Ok(found.into_iter().map(|found| Found { tokens: tokens.clone(), ..found }).collect())
}
