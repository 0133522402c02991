//! A slow and paid call to an external API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use std::{error, fmt};

use cache_runtime::cached;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// The API's analysis of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// The mood of the text.
    pub mood: String,
    /// The topics of the text: its longest words.
    pub topics: Vec<String>,
}

/// A client of the API; clones share its connection. Here the API is simulated.
#[derive(Clone, Debug)]
pub struct Analyst {
    api: Arc<Api>,
}

#[derive(Debug)]
struct Api {
    latency: Duration,
    down: AtomicBool,
    calls: AtomicU64,
}

/// The API did not answer. It is `Clone`, so that callers who waited for one call share its error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable;

impl Analyst {
    /// Returns a client of an API that takes this time for an answer.
    #[must_use]
    pub fn new(latency: Duration) -> Self {
        let (down, calls) = (AtomicBool::new(false), AtomicU64::new(0));
        Analyst { api: Arc::new(Api { latency, down, calls }) }
    }

    /// Analyses a text.
    ///
    /// The answer depends only on the text, which is the key. So it never has to be invalidated, and a video
    /// with a new title has another entry. The options suit a paid call:
    ///
    /// - `ttl`, `stale_while_revalidate`: after a day it is refreshed, and no caller waits for that.
    /// - `stale_if_error`: if the API is down, an answer of the last month is better than none.
    /// - `coalesce = "fleet"`: of all processes that share a Redis, one calls and pays.
    /// - `cost`: the price of a call; the statistics report the saved amount.
    ///
    /// # Errors
    ///
    /// If the API does not answer and has not answered this text within the last month.
    #[cached(
        ttl = "1d",
        key_prefix = "analysis",
        skip(self),
        stale_while_revalidate = "7d",
        stale_if_error = "30d",
        coalesce = "fleet",
        cost = 0.002
    )]
    pub async fn analyse(&self, text: &str) -> Result<Analysis, Unavailable> {
        self.api.ask(text).await
    }

    /// Returns the number of calls of the API, each of which it charges for.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.api.calls.load(Ordering::Relaxed)
    }

    /// Lets the API fail, or answer again.
    pub fn set_down(&self, down: bool) {
        self.api.down.store(down, Ordering::Relaxed);
    }
}

impl Api {
    async fn ask(&self, text: &str) -> Result<Analysis, Unavailable> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        sleep(self.latency).await;
        if self.down.load(Ordering::Relaxed) {
            return Err(Unavailable);
        }
        let mood = ["cheerful", "calm", "tense", "wistful"][text.len() % 4].to_owned();
        let word = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let mut topics: Vec<_> = text.split_whitespace().map(word).collect();
        topics.sort_by_key(|word| std::cmp::Reverse(word.chars().count()));
        topics.truncate(3);
        Ok(Analysis { mood, topics })
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the analysis API does not answer")
    }
}

impl error::Error for Unavailable {}
