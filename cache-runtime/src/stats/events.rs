//! The latest events, for monitoring.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::support::clock::millis;
use crate::support::lock::Mutex;
use crate::support::timestamp;

/// The number of events that are kept, of frequent and of rare ones each.
const KEPT: usize = 256;

/// An event of a cache: see [`CacheManager::events`](crate::CacheManager::events).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The number of the event; the next one has a number larger by one.
    pub number: u64,
    /// The time of the event, by the clock of this machine. Serialises as in RFC 3339, in UTC, with
    /// milliseconds.
    #[serde(serialize_with = "timestamp::serialize")]
    pub at: SystemTime,
    /// The kind of the event, with its details.
    #[serde(flatten)]
    pub what: EventKind,
}

/// The maximum number of names, and of tags, that the event of an invalidation lists.
pub(crate) const LISTED: usize = 32;

/// The kind of an [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// Redis is unavailable; this process continues without it. Another event follows if the reason changes.
    RedisLost {
        /// The reason.
        reason: String,
    },
    /// Redis is available again.
    RedisBack,
    /// Redis is used, but the user lacks a right, or the server lacks a command.
    RedisLacks {
        /// The missing right or command, the consequence, and the remedy.
        what: String,
    },
    /// This process has invalidated entries.
    Invalidated {
        /// The names of the entries.
        names: Vec<String>,
        /// The prefixes and tags.
        tags: Vec<String>,
        /// The number of further names and tags: at most 32 of each are listed.
        left_out: usize,
        /// The milliseconds for which the entries of the tags may be served as stale values; `None` if the invalidation was
        /// not soft. Left out of JSON if it is `None`.
        #[serde(skip_serializing_if = "Option::is_none")]
        soft_ms: Option<u64>,
    },
    /// This process has removed the entries that match a pattern.
    Cleared {
        /// The pattern.
        pattern: String,
        /// The number of removed entries.
        removed: u64,
    },
    /// This process has removed everything in the namespace.
    Flushed {
        /// The number of removed entries.
        removed: u64,
    },
    /// A value was served that differs from that of its source: see `verify` of
    /// [`#[cached]`](macro@crate::cached#verification).
    #[non_exhaustive]
    Inconsistent {
        /// The function.
        function: String,
        /// The name of the entry.
        name: String,
        /// The prefixes and tags of the entry.
        tags: Vec<String>,
        /// The age of the value, in milliseconds.
        age_ms: u64,
        /// The TTL of the value, in milliseconds; `None` if it is fresh for ever.
        ttl_ms: Option<u64>,
        /// The functions that invalidate such entries, or that no function does.
        hint: String,
    },
    /// Caching was switched off or on for a function.
    Switched {
        /// The function.
        function: String,
        /// True if its calls use the cache now.
        enabled: bool,
    },
}

/// The last events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// `true` after the first request for events. Until then, frequent events are not recorded.
    watched: AtomicBool,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    last: u64,
    /// Invalidations, of which there may be many per second.
    routine: VecDeque<Event>,
    /// Outages and switches, which invalidations do not displace.
    rare: VecDeque<Event>,
}

impl EventKind {
    /// Returns an invalidation of these: the first of them are listed.
    pub(crate) fn invalidated(names: &[String], tags: &[String], soft: Option<Duration>) -> Self {
        let soft_ms = soft.map(millis);
        let left_out = names.len().saturating_sub(LISTED) + tags.len().saturating_sub(LISTED);
        let (names, tags) = (listed(names).into(), listed(tags).into());
        EventKind::Invalidated { names, tags, left_out, soft_ms }
    }

    fn is_routine(&self) -> bool {
        matches!(
            self,
            EventKind::Invalidated { .. } | EventKind::Cleared { .. } | EventKind::Flushed { .. }
        )
    }
}

/// Returns the first of these, as many as are listed.
pub(crate) fn listed(all: &[String]) -> &[String] {
    &all[..all.len().min(LISTED)]
}

impl Events {
    /// Records a rare event.
    pub(crate) fn note(&self, what: EventKind) {
        let mut log = self.log.lock();
        log.last += 1;
        let event = Event { number: log.last, at: SystemTime::now(), what };
        let kept = if event.what.is_routine() { &mut log.routine } else { &mut log.rare };
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(event);
    }

    /// Records a frequent event, if events have been requested before.
    pub(crate) fn note_if_watched(&self, what: impl FnOnce() -> EventKind) {
        if self.watched.load(Ordering::Relaxed) {
            self.note(what());
        }
    }

    /// Returns the events with a larger number, the oldest first.
    pub(crate) fn after(&self, number: u64) -> Vec<Event> {
        self.watched.store(true, Ordering::Relaxed);
        let log = self.log.lock();
        let all = log.rare.iter().chain(&log.routine);
        let mut events: Vec<_> = all.filter(|event| event.number > number).cloned().collect();
        drop(log);
        events.sort_unstable_by_key(|event| event.number);
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_events_are_kept_and_numbered() {
        let events = Events::default();
        (0..KEPT + 10).for_each(|_| events.note(EventKind::RedisBack));
        let kept = events.after(0);
        assert_eq!((kept.len(), kept[0].number), (KEPT, 11));
        let last = kept[KEPT - 1].number;
        assert_eq!(events.after(last - 2).len(), 2);
        assert_eq!(events.after(last), []);
    }

    #[test]
    fn a_large_invalidation_is_a_small_event() {
        let text = |what: &str, count: usize| -> Vec<_> {
            (0..count).map(|number| format!("{what}:{number}")).collect()
        };
        let (names, tags) = (text("name", 10_000), text("tag", LISTED));
        let expected = EventKind::Invalidated {
            names: names[..LISTED].into(),
            tags: tags.clone(),
            left_out: names.len() - LISTED,
            soft_ms: None,
        };
        assert_eq!(EventKind::invalidated(&names, &tags, None), expected);
    }

    #[test]
    fn routine_does_not_push_out_what_happens_seldom() {
        let events = Events::default();
        let lost = EventKind::RedisLost { reason: "gone".to_owned() };
        events.note(lost.clone());
        (0..3 * KEPT).for_each(|_| events.note(EventKind::Flushed { removed: 1 }));
        events.note(EventKind::RedisBack);
        let kept = events.after(0);
        assert_eq!(kept.len(), KEPT + 2, "routine is bounded");
        assert_eq!((kept[0].number, &kept[0].what), (1, &lost));
        assert!(kept.is_sorted_by_key(|event| event.number));
        assert_eq!(kept[KEPT + 1].what, EventKind::RedisBack);
    }

    #[test]
    fn what_happens_often_is_noted_once_somebody_watches() {
        let events = Events::default();
        let flushed = || EventKind::Flushed { removed: 1 };
        events.note_if_watched(flushed);
        assert_eq!(events.after(0), []);
        events.note_if_watched(flushed);
        assert_eq!(events.after(0).len(), 1);
    }
}
