//! Options that see the value, in each of their forms.

#![deny(warnings)]

use std::time::Duration;

use cache_runtime::{Ttl, cached};
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize)]
struct Post {
    author: u64,
    labels: Vec<String>,
    parent: Option<String>,
}

fn post(id: u64) -> Post {
    Post { author: id, labels: Vec::new(), parent: None }
}

#[cached(tags_of = |post: &Post| [format!("user:{}", post.author)])]
async fn formatted(id: u64) -> Post {
    post(id)
}

#[cached(tags_of = |post: &Post| &post.labels)]
async fn borrowed(id: u64) -> Result<Post, u8> {
    Ok(post(id))
}

#[cached(tags_of = |Post { parent, .. }| parent.clone())]
async fn optional(id: u64) -> Post {
    post(id)
}

#[cached(tags_of = |_| ["posts"])]
async fn constant(id: u64) -> Post {
    post(id)
}

#[cached(tags_of = |post: &Post| -> Vec<&str> {
    let Some(parent) = &post.parent else { return Vec::new() };
    vec![parent]
})]
fn blocking(id: u64) -> Post {
    post(id)
}

#[cached(tags_of = tags_of_post)]
async fn by_function(id: u64) -> Post {
    post(id)
}

fn tags_of_post(post: &Post) -> impl Iterator<Item = &String> {
    post.labels.iter().chain(&post.parent)
}

#[cached(key = "{id}", each(id in ids), tags_of = |post: &Post| vec![post.author])]
async fn many(ids: Vec<u64>) -> Vec<Post> {
    ids.into_iter().map(post).collect()
}

#[cached(ttl = |post: &Post| Duration::from_secs(post.author))]
async fn ttl(id: u64) -> Result<Post, String> {
    Ok(post(id))
}

#[cached(ttl = |Post { parent, .. }| {
    if parent.is_some() {
        return Ttl::Forever;
    }
    Ttl::For(Duration::from_secs(60))
})]
fn blocking_ttl(id: u64) -> Post {
    post(id)
}

fn main() {
    _ = (ttl, blocking_ttl);
    _ = (formatted, borrowed, optional, constant, blocking, by_function, many);
}
