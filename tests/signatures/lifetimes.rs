//! Borrowed arguments: named, elided and several lifetimes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use async_trait::async_trait;
use cache_runtime::cached;
use serde::Serialize;

use crate::check::{load, shapes};

shapes! {
    a_str: length("ab").await => 2, length("abc").await => 3;
    a_str_of_a_temporary: length(&String::from("ab")).await => 2, length(&"c".repeat(3)).await => 3;
    a_slice: total(&[1, 2]).await => 3, total(&[1, 2, 3]).await => 6;
    a_slice_of_str: words(&["a", "b"]).await => "a b", words(&["a b"]).await => "a b";
    a_struct: greeted(&ADA).await => "Hello, Ada", greeted(&BOB).await => "Hello, Bob";
    a_unique_reference: pushed(&mut vec![1]).await => 2, pushed(&mut vec![1, 2]).await => 3;
    a_reference_to_a_reference: twice_removed(&&1).await => 2, twice_removed(&&2).await => 3;
    a_named_lifetime: named("ab").await => 2, named("abc").await => 3;
    several_lifetimes: several("a", "b").await => "ab", several("ab", "").await => "ab";
    a_lifetime_that_outlives_another: outlives("a", "b").await => "ab", outlives("ab", "").await => "ab";
    a_static_lifetime: lasting("ab").await => 2, lasting("abc").await => 3;
    a_cow: upper(Cow::Borrowed("a")).await => "A", upper(Cow::Owned("b".into())).await => "B";
    a_cow_with_a_lifetime: upper_named("a".into()).await => "A", upper_named("b".into()).await => "B";
    an_option_of_a_str: optional(Some("a")).await => 1, optional(None).await => 0;
    an_option_of_a_struct: optional_user(Some(&ADA)).await => "Ada", optional_user(None).await => "";
    a_tuple_of_references: pair(("a", &1)).await => "a1", pair(("a", &2)).await => "a2";
    a_map_of_references: looked_up(&HashMap::from([("a", "b")])).await => "b", looked_up(&HashMap::from([("a", "c")])).await => "c";
    an_elided_lifetime_in_a_type: viewed(View { text: "a" }).await => "a", viewed(View { text: "b" }).await => "b";
    an_anonymous_lifetime: anonymous("a").await => 1, anonymous("").await => 0;
    a_type_that_borrows: View { text: "ab" }.find("b").await => Some(1), View { text: "ba" }.find("b").await => Some(0);
    an_impl_with_a_lifetime: View { text: "ab" }.starts("a").await => true, View { text: "ab" }.starts("b").await => false;
    a_trait_object: displayed(&1).await => "1", displayed(&"a").await => "a";
    a_boxed_trait_object: displayed_box(Box::new(1)).await => "1", displayed_box(Box::new("a")).await => "a";
    an_impl_trait_that_borrows: joined("a", ["b", "c"].iter()).await => "abc", joined("b", ["b", "c"].iter()).await => "bbc";
    an_error_that_borrows: checked("a").await => Ok(1), checked("ab").await => Ok(2);
    an_elided_error_that_borrows: checked_elided("a").await => Ok(1), checked_elided("ab").await => Ok(2);
    async_trait_with_lifetimes: ADA.salute("Hi", &["!"]).await => "Hi Ada!", ADA.salute("Hi", &["?"]).await => "Hi Ada?";
}

#[derive(Clone, Copy, Debug, Serialize)]
struct User {
    name: &'static str,
}

const ADA: User = User { name: "Ada" };
const BOB: User = User { name: "Bob" };

#[cached]
async fn length(text: &str) -> usize {
    load(text.len())
}

#[cached]
async fn total(numbers: &[u64]) -> u64 {
    load(numbers.iter().sum())
}

#[cached]
async fn words(words: &[&str]) -> String {
    load(words.join(" "))
}

#[cached]
async fn greeted(user: &User) -> String {
    load(format!("Hello, {}", user.name))
}

#[cached]
async fn pushed(list: &mut Vec<u8>) -> usize {
    list.push(0);
    load(list.len())
}

#[cached]
async fn twice_removed(n: &&u8) -> u8 {
    load(**n + 1)
}

#[cached]
async fn named<'a>(text: &'a str) -> usize {
    let text: &'a str = text.trim();
    load(text.len())
}

#[cached]
async fn several<'a, 'b>(a: &'a str, b: &'b str) -> String {
    let (a, b): (&'a str, &'b str) = (a, b);
    load(format!("{a}{b}"))
}

#[cached]
async fn outlives<'a, 'b: 'a>(a: &'a str, b: &'b str) -> String {
    let parts: [&'a str; 2] = [a, b];
    load(parts.concat())
}

#[cached]
async fn lasting(text: &'static str) -> usize {
    load(text.len())
}

#[cached]
async fn upper(text: Cow<'_, str>) -> String {
    load(text.to_uppercase())
}

#[cached]
async fn upper_named<'a>(text: Cow<'a, str>) -> String {
    let text: Cow<'a, str> = text;
    load(text.to_uppercase())
}

#[cached]
async fn optional(text: Option<&str>) -> usize {
    load(text.map_or(0, str::len))
}

#[cached]
async fn optional_user(user: Option<&User>) -> String {
    load(user.map_or("", |user| user.name).to_owned())
}

#[cached]
async fn pair((text, n): (&str, &u8)) -> String {
    load(format!("{text}{n}"))
}

#[cached]
async fn looked_up(map: &HashMap<&str, &str>) -> String {
    load(map["a"].to_owned())
}

#[derive(Serialize)]
struct View<'a> {
    text: &'a str,
}

#[cached]
async fn viewed(view: View<'_>) -> String {
    load(view.text.to_owned())
}

#[cached]
async fn anonymous(text: &'_ str) -> usize {
    load(text.len())
}

impl View<'_> {
    #[cached(key = (self.text, needle))]
    async fn find(&self, needle: &str) -> Option<usize> {
        load(self.text.find(needle))
    }
}

impl<'a> View<'a> {
    #[cached(key = "{self.text}:{needle}")]
    async fn starts(&'a self, needle: &str) -> bool {
        load(self.text.starts_with(needle))
    }
}

#[cached(key = "{value}")]
async fn displayed(value: &dyn Display) -> String {
    load(value.to_string())
}

#[cached(key = value.to_string())]
async fn displayed_box(value: Box<dyn Display + '_>) -> String {
    load(value.to_string())
}

#[cached(skip(more))]
async fn joined<'a>(text: &'a str, more: impl Iterator<Item = &'a &'a str>) -> String {
    load(more.fold(text.to_owned(), |text, more| text + more))
}

#[cached]
async fn checked<'a>(text: &'a str) -> Result<usize, &'a str> {
    load(if text.is_empty() { Err(text) } else { Ok(text.len()) })
}

#[cached]
async fn checked_elided(text: &str) -> Result<usize, &str> {
    load(if text.is_empty() { Err(text) } else { Ok(text.len()) })
}

#[async_trait]
trait Salute {
    async fn salute<'a>(&self, word: &'a str, marks: &[&'a str]) -> String;
}

#[async_trait]
impl Salute for User {
    #[cached(skip(self))]
    async fn salute<'a>(&self, word: &'a str, marks: &[&'a str]) -> String {
        load(format!("{word} {}{}", self.name, marks.concat()))
    }
}
