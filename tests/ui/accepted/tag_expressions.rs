//! Tags that are expressions, and templates with optional values.

#![deny(warnings)]

use std::sync::Arc;

use cache_runtime::{cache_invalidate, cached};

const ALL: &str = "posts";

struct User {
    id: u64,
    shelf: Option<Arc<str>>,
}

impl User {
    fn tag(&self) -> String {
        format!("user:{}", self.id)
    }

    #[cached(skip(self), tags = [self.tag(), "shelf:{self.shelf?}"])]
    async fn posts(&self, lang: String) -> usize {
        lang.len()
    }
}

#[cached(key = "{user.id}", tags = [ALL, user.tag(), format!("lang:{lang}"), user.id])]
async fn posts(user: User, lang: String) -> usize {
    drop(user);
    lang.len()
}

#[cache_invalidate(
    prefix = "posts:{shelf?}",
    tags = [ALL, format_args!("{}:{lang}", user.id), "shelf:{shelf?}:{user.shelf?}", if lang.is_empty() { "a" } else { "b" }]
)]
async fn change(user: &mut User, shelf: Option<&&str>, lang: String) {
    user.shelf = shelf.map(|shelf| Arc::from(*shelf));
    drop(lang);
}

#[cache_invalidate(tags = [format!("user:{}", id % 10)], each(id in ids))]
fn change_each(ids: &[u64]) {
    _ = ids;
}

fn main() {
    _ = (User::posts, posts, change, change_each);
}
