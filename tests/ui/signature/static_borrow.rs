use std::borrow::Cow;

use cache_runtime::{cache_put, cached};

struct User<'a>(Cow<'a, str>);

#[cached]
async fn text(id: u64) -> &'static str {
    if id > 0 { "a" } else { "b" }
}

#[cached]
async fn texts(id: u64) -> Result<Vec<Option<&'static str>>, String> {
    Err(id.to_string())
}

#[cached]
async fn user(name: &str) -> Result<User<'_>, String> {
    Err(name.to_owned())
}

#[cache_put(entry = text(id))]
async fn change(id: u64) -> &'static str {
    if id > 0 { "c" } else { "d" }
}

fn main() {}
