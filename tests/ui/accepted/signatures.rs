//! Real signatures: patterns, generics, lifetimes, raw names, `impl Trait`, no arguments.

#![deny(warnings)]

use std::borrow::Cow;

use cache_runtime::{cache_invalidate, cached};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

struct Path<T>(T);

struct Database;

#[derive(Serialize)]
struct User {
    name: String,
    tags: (u8, u8),
    r#type: u8,
}

#[cached]
async fn nothing() {}

#[cached(skip(_db, extra))]
async fn patterns(
    Path(id): Path<u64>,
    (a, mut b): (u8, u8),
    User { name, tags: (first, _), .. }: User,
    [x, .., y]: [u8; 4],
    _: Database,
    _db: Database,
    mut count: u64,
    extra: impl Fn() -> u64 + Send,
) -> String {
    b += a;
    count += extra();
    format!("{id} {b} {name} {first} {x} {y} {count}")
}

#[cached(key = "{type}:{user.name}:{user.tags.0}:{{{user.type}}}", tags = ["{r#type}"])]
async fn raw_names(r#type: u8, user: &User) -> usize {
    user.name.len() + usize::from(r#type + user.r#type)
}

#[cached]
async fn lifetimes<'a>(
    text: &'a str,
    list: &[String],
    cow: Cow<'a, str>,
) -> Result<usize, &'a str> {
    if list.is_empty() {
        return Err(text);
    }
    Ok(cow.len())
}

#[cached(output = "plain")]
async fn generic<T, const N: usize>(_text: &T, numbers: [u8; N]) -> T
where
    T: Default + Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
    [u8; N]: Serialize,
{
    assert_eq!(numbers.len(), N);
    T::default()
}

#[derive(Clone, Serialize, Deserialize)]
struct Video;

type Loaded<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[cached(cache_none = false, cache_if = Option::is_some, bypass_if = text.is_empty())]
async fn alias(text: String) -> Loaded<Option<Video>> {
    let number: u64 = text.parse()?;
    Ok((number > 5).then_some(Video))
}

#[cached]
async fn diverges(id: u8) -> u8 {
    if id > 0 {
        return 5;
    }
    panic!("no such id")
}

#[cached(key = a % 2 + b)]
async fn key_expression(a: u64, b: u64) -> u64 {
    a + b
}

#[cached(key = if a > b { "more" } else { "less" }, ttl = TTL * 2)]
async fn key_branches(a: u64, b: u64) -> bool {
    a > b
}

const TTL: std::time::Duration = std::time::Duration::from_secs(30);

#[cached]
async fn inner_attribute(id: u8) -> u8 {
    #![allow(unused_variables)]
    let unused = id;
    id + 1
}

#[cached]
async fn recursive(n: u64) -> u64 {
    if n == 0 { 0 } else { Box::pin(recursive(n - 1)).await + 1 }
}

#[cache_invalidate(prefix = "user:{user.name}", tags = ["all"], if = Result::is_ok)]
async fn borrows(user: &mut User) -> Result<&str, std::io::Error> {
    user.name.push('!');
    Ok(&user.name)
}

#[cache_invalidate(tags = ["all"], when = "before")]
async fn opaque(id: u64) -> impl std::fmt::Display {
    id
}

#[cache_invalidate(tags = ["all"], when = "always")]
async fn opaque_value(id: &str) -> Result<impl std::fmt::Display, std::num::ParseIntError> {
    let id: u8 = id.parse()?;
    Ok(id)
}

#[cache_invalidate(tags = ["all"])]
#[cached(ttl = 60)]
async fn both(text: String) -> Result<String, String> {
    Ok(text)
}

fn main() {
    let user = || User { name: String::new(), tags: (1, 2), r#type: 3 };
    drop(nothing());
    drop(patterns(Path(1), (1, 2), user(), [0; 4], Database, Database, 1, || 1));
    drop(raw_names(1, &user()));
    drop(lifetimes("", &[], "".into()));
    drop(generic(&5_u8, [1, 2]));
    drop(alias(String::new()));
    drop(diverges(1));
    drop(key_expression(1, 2));
    drop(key_branches(1, 2));
    drop(inner_attribute(1));
    drop(recursive(1));
    drop(borrows(&mut user()));
    drop(opaque(1));
    drop(opaque_value(""));
    drop(both(String::new()));
}
