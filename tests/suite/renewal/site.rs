//! A web site whose page has an entity tag.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::source::{Hold, Source};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub id: u64,
    pub etag: u64,
}

impl Page {
    pub fn of(id: u64, etag: u64) -> Self {
        Page { id, etag }
    }
}

/// Clones share the site.
#[derive(Clone, Debug)]
pub struct Site {
    heads: Source,
    pages: Source,
    fails: Arc<AtomicBool>,
}

impl Site {
    pub fn new(etag: u64) -> Self {
        Site { heads: Source::new(etag), pages: Source::new(etag), fails: Arc::default() }
    }

    /// Changes the page.
    pub fn set(&self, etag: u64) {
        self.heads.set(etag);
        self.pages.set(etag);
    }

    /// Makes every request fail.
    pub fn fail(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }

    pub fn recover(&self) {
        self.fails.store(false, Ordering::SeqCst);
    }

    /// Asks the site if the page has changed.
    pub async fn is_unchanged(&self, etag: u64) -> bool {
        self.heads.read().await == etag && !self.fails.load(Ordering::SeqCst)
    }

    pub async fn page(&self, id: u64) -> Result<Page, String> {
        let etag = self.pages.read().await;
        match self.fails.load(Ordering::SeqCst) {
            true => Err("the site is down".to_owned()),
            false => Ok(Page { id, etag }),
        }
    }

    /// Holds up the next question about the page.
    pub fn hold_head(&self) -> Hold {
        self.heads.hold()
    }

    /// Returns the number of questions about the page.
    pub fn heads(&self) -> usize {
        self.heads.reads()
    }

    /// Returns the number of loads of the page.
    pub fn pages(&self) -> usize {
        self.pages.reads()
    }
}
