//! Puts whose entry is known only after the body, because its value names it.
//!
//! Nothing of that name can be noted before the body. So the put sets its placeholder after it, and must then show that the
//! name was neither removed nor put since the body began. Each removal and put of a name is published in the same step,
//! and the feed receives everything in order. So the put pings the feed when its placeholder is there. When the answer
//! arrives, this process has received the notices of all earlier changes, and its generations tell. Later changes replace the
//! placeholder.
//!
//! All tags of the entry are tags that are known only after the body (see `births`).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;

use super::births::NotedCounts;
use super::load::{BeginOf, FillTicket};
use super::pending;
use super::tokens::note;
use super::unavailable::Unavailable;
use super::{Life, RedisStore, number};
use crate::support::timer::timeout;

/// The state of Redis before a body whose value names an entry.
#[derive(Debug)]
pub(crate) struct BeforeBody {
    /// The token of the root.
    root: u64,
    counts: Arc<NotedCounts>,
}

impl RedisStore {
    /// Lets the feed be connected. Only the first call waits for the connection.
    pub(crate) async fn start_feed(&self) {
        self.want_feed();
        let Ok(link) = self.0.link() else { return };
        if matches!(link.ready().await, Ok(ready) if ready.has_feed()) {
            let _ = timeout(self.0.settings.deadline, self.0.feed.started(&link)).await;
        }
    }

    /// Notes the state before a body whose value names an entry.
    pub(crate) async fn note_before_body(&self) -> Result<BeforeBody, Unavailable> {
        let root = [self.0.keys.root()];
        let permit = pending::permit(&self.0, || root.to_vec()).await?;
        let counts = NotedCounts::of_all(&permit.ready, &self.0.keys);
        let tokens = note(&permit.ready, &root, Life::For(Duration::ZERO));
        let noted = async {
            let (tokens, counts) = join(tokens, counts).await;
            let root = tokens?.first().map_or(0, |token| number(token));
            Ok(BeforeBody { root, counts: counts? })
        };
        permit.ask(noted).await
    }

    /// Begins a put after its body. Returns `None` if something that its entry depends on may have been invalidated since,
    /// or if this process may have missed notices about its name.
    ///
    /// R2: when this returns, this process has received the notices of all changes of the name that came before the
    /// placeholder, and any later change replaces it.
    pub(crate) async fn begin_after_body(
        &self,
        put: &BeginOf<'_>,
        noted: &BeforeBody,
    ) -> Result<Option<FillTicket>, Unavailable> {
        let begun = async {
            let ticket = self.begin(&BeginOf { tags: &[], ..*put }).await?;
            let server = &noted.counts.servers;
            let caught_up = timeout(self.0.settings.deadline, self.0.feed.catch_up(server)).await;
            Ok::<_, Unavailable>((ticket, caught_up.unwrap_or(false)))
        };
        let tokens = self.tokens_since_counts(Some(&*noted.counts), put.tags, put.life);
        let (begun, tokens) = join(begun, tokens).await;
        let (ticket, caught_up) = begun?;
        let is_current = caught_up && ticket.tokens == [noted.root];
        let tokens = tokens?.filter(|_| is_current);
        Ok(tokens
            .map(|tokens| ticket.with_tokens(&tokens).counted(Some(Arc::clone(&noted.counts)))))
    }
}
