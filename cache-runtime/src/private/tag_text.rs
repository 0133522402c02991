//! The tags that are values of expressions.

use std::fmt::Display;

use crate::key::name::MOST_TAGS;

/// A list of tags, such as `[String; 2]`, `Vec<&str>` or `Option<String>`.
#[diagnostic::on_unimplemented(
    message = "`tags_of` returns a list of tags, and `{Self}` is not one",
    label = "not a list of texts",
    note = "return the tags in an array, such as `[format!(\"user:{{}}\", value.author)]`, or in any other collection or iterator of texts"
)]
pub trait TagList: IntoIterator<Item: Display> {}

impl<L: IntoIterator<Item: Display>> TagList for L {}

/// Returns the tags without duplicates, and at most one more than an entry can have.
pub fn tag_list<L: TagList>(list: impl FnOnce() -> L) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in list() {
        let tag = tag.to_string();
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() > MOST_TAGS {
            break;
        }
    }
    tags
}

/// The value of an expression in `tags`: every `Display` type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a tag, since it does not implement `Display`",
    label = "not a text",
    note = "an element of `tags` is the text of one tag, such as `format!(\"user:{{}}\", user.id)`"
)]
pub trait InTags: Display {}

impl<T: Display + ?Sized> InTags for T {}

/// Returns the text of a tag.
pub fn tag_text<T: InTags + ?Sized>(value: &T) -> String {
    value.to_string()
}
