//! Both sides render a template equally, for all arguments: an invalidation by it reaches the entry that is cached
//! under it, and `name!` names the same entry.

use std::fmt;

use cache_runtime::{CacheManager, cache_invalidate, cached, name};

use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

/// Values that have broken templates, or might.
fn values() -> Vec<String> {
    let short =
        ["a", "", "a-b", "a:b", "%", "a%3Ab", "^2D", "*", "[a]?", "#root", " ", "a\nb", "~{}"];
    let long = ["x".repeat(4_100), "/ü?".repeat(500), ":".repeat(199)];
    short.into_iter().map(str::to_owned).chain(long).collect()
}

/// Functions that cache under a template and invalidate by it, and the name that it renders.
macro_rules! templates {
    ($a:ident, $b:ident: $($function:ident: $prefix:literal, $key:literal, $cut:literal, $tag:literal;)*) => {$(
        mod $function {
            use super::*;

            #[cached(key_prefix = $prefix, key = $key, tags = [$tag])]
            pub async fn page(source: &Source, $a: &str, $b: &str) -> u64 {
                source.read().await + ($a.len() + $b.len()) as u64
            }

            #[cache_invalidate(prefix = $cut)]
            pub async fn by_prefix($a: &str, $b: &str) {
                _ = ($a, $b);
            }

            #[cache_invalidate(tags = [$tag])]
            pub async fn by_tag($a: &str, $b: &str) {
                _ = ($a, $b);
            }

            pub async fn direct(manager: &CacheManager, $a: &str, $b: &str) {
                _ = ($a, $b);
                // What is too long for a person to write is refused, and not passed by.
                let prefix = name!($cut);
                if manager.invalidate_prefix(&prefix).await.is_err() {
                    assert!(prefix.len() > 4_096, "{prefix}");
                    by_prefix($a, $b).await;
                }
            }

            pub async fn by_tag_directly(manager: &CacheManager, $a: &str, $b: &str) {
                _ = ($a, $b);
                let tag = name!($tag);
                if manager.invalidate_tag(&tag).await.is_err() {
                    assert!(tag.len() > 4_096, "{tag}");
                    by_tag($a, $b).await;
                }
            }
        }
    )*

    async fn each_is_reached(cache: &TestCache, $a: &str, $b: &str) {
        cache.manager.flush_all().await;
        $({
            use $function::*;
            let source = Source::new(1);
            page(&source, $a, $b).await;
            page(&source, $a, $b).await;
            assert_eq!(source.reads(), 1, "it is cached");
            for (way, reads) in (0..4).zip(2..) {
                match way {
                    0 => by_prefix($a, $b).await,
                    1 => by_tag($a, $b).await,
                    2 => direct(&cache.manager, $a, $b).await,
                    _ => by_tag_directly(&cache.manager, $a, $b).await,
                }
                page(&source, $a, $b).await;
                let (way, key) = (["prefix", "tag", "name!", "name! of the tag"][way], $key);
                assert_eq!(source.reads(), reads, "{key} by {way}: {:?} and {:?}", $a, $b);
            }
        })*
    }
    };
}

templates! {
    a, b:
    whole: "r1", "{a}", "r1:{a}", "{a}";
    two_segments: "r2", "{a}:{b}", "r2:{a}", "by:{a}:{b}";
    text_after: "r3", "{a}-draft", "r3:{a}-draft", "{a}-by";
    escape_after: "r4", "{a}%3A{b}", "r4:{a}%3A{b}", "{a}^{b}%";
    text_between: "r5", "v{{{a}}}-{b}:x", "r5:v{{{a}}}-{b}", "{a} and {b}.";
    seven_segments: "r6", "1:{a}:3:4:5:6:{b}", "r6:1:{a}:3:4:5", "{a}:{b}:3:4:5:6:7:8";
}

#[tokio::test]
async fn what_a_template_renders_is_the_same_on_both_sides() {
    on_each_store(async |cache: TestCache| {
        for value in values() {
            each_is_reached(&cache, &value, "b").await;
            each_is_reached(&cache, "a", &value).await;
        }
    })
    .await;
}

struct User {
    id: u64,
}

#[cached(key_prefix = "rendered:user", key = "{user.id}-draft")]
async fn draft(user: &User) -> u64 {
    user.id
}

#[tokio::test]
async fn name_takes_variables_fields_and_values() {
    on_each_store(async |cache: TestCache| {
        let user = User { id: 7 };
        draft(&user).await;
        let names = [
            name!("rendered:user:{user.id}-draft"),
            name!("rendered:user:{id}-draft", id = user.id),
            name!("rendered:user:{of.id}-draft", of = User { id: 7 },),
        ];
        for name in names {
            assert_eq!(name, "rendered:user:7-draft");
            assert!(cache.manager.exists(&name).await.unwrap());
        }
        let r#type = "a-b";
        assert_eq!(name!("{type}-{{{type}}}"), "a%2Db-{a-b}");
    })
    .await;
}

/// A value that cannot be rendered.
#[derive(Clone, Copy)]
struct Unprintable;

impl fmt::Display for Unprintable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}

#[cached(key_prefix = "rendered:failing", key = "{id}", tags = ["failing:{id}"])]
async fn numbered(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cached(key_prefix = "rendered:beside", key = "{id}")]
async fn beside(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cache_invalidate(prefix = "rendered:failing:{id}")]
async fn prefix_fails(id: Unprintable) {
    _ = id;
}

#[cache_invalidate(tags = ["failing:{id}"])]
async fn tag_fails(id: Unprintable) {
    _ = id;
}

#[tokio::test]
async fn what_cannot_be_rendered_invalidates_more_and_not_nothing() {
    on_each_store(async |cache: TestCache| {
        let (source, other) = (Source::new(1), Source::new(1));
        let call = async || {
            numbered(&source, 1).await;
            beside(&other, 1).await;
        };
        call().await;
        prefix_fails(Unprintable).await;
        call().await;
        assert_eq!((source.reads(), other.reads()), (2, 1), "what is below the prefix's text");
        tag_fails(Unprintable).await;
        call().await;
        assert_eq!((source.reads(), other.reads()), (3, 2), "everything");
        _ = cache;
    })
    .await;
}
