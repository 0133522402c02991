//! `key` and `skip`: what tells calls apart.

use cache_runtime::cached;
use serde::Serialize;

use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

#[derive(Clone, Debug, PartialEq, Serialize)]
struct User {
    id: u64,
    lang: &'static str,
    name: &'static str,
}

const ADA: User = User { id: 1, lang: "en", name: "Ada" };
const ADA_IN_FRENCH: User = User { id: 1, lang: "fr", name: "Ada" };
const RENAMED: User = User { id: 1, lang: "en", name: "Ada L." };

#[cached(key_prefix = "key_option:all", skip(source))]
async fn all_but_the_source(source: &Source, user: &User, page: u32) -> u64 {
    _ = (user, page);
    source.read().await
}

#[cached(key_prefix = "key_option:template", key = "{user.id}:{user.lang}:{page}")]
async fn by_template(source: &Source, user: &User, page: u32) -> u64 {
    _ = (user, page);
    source.read().await
}

#[cached(key_prefix = "key_option:expression", key = (user.id, user.lang, page))]
async fn by_expression(source: &Source, user: &User, page: u32) -> u64 {
    source.read().await
}

/// Returns the number of bodies that run for two calls.
async fn loads<T>(call: impl AsyncFn(&Source, T), first: T, second: T) -> usize {
    let source = Source::new(1);
    call(&source, first).await;
    call(&source, second).await;
    source.reads()
}

#[tokio::test]
async fn by_default_every_argument_takes_part() {
    on_each_store(async |cache: TestCache| {
        let call = async |source: &Source, (user, page): (User, u32)| {
            all_but_the_source(source, &user, page).await;
        };
        for (first, second, expected) in [
            ((ADA, 1), (ADA, 1), 1),
            ((ADA, 1), (ADA, 2), 2),
            ((ADA, 1), (ADA_IN_FRENCH, 1), 2),
            ((ADA, 1), (RENAMED, 1), 2),
        ] {
            cache.manager.flush_all().await;
            assert_eq!(loads(call, first.clone(), second.clone()).await, expected, "{second:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn with_a_key_only_what_it_names_takes_part() {
    on_each_store(async |cache: TestCache| {
        let template = async |source: &Source, (user, page): (User, u32)| {
            by_template(source, &user, page).await;
        };
        let expression = async |source: &Source, (user, page): (User, u32)| {
            by_expression(source, &user, page).await;
        };
        for (second, expected) in
            [((ADA, 1), 1), ((RENAMED, 1), 1), ((ADA, 2), 2), ((ADA_IN_FRENCH, 1), 2)]
        {
            cache.manager.flush_all().await;
            assert_eq!(loads(template, (ADA, 1), second.clone()).await, expected, "{second:?}");
            assert_eq!(loads(expression, (ADA, 1), second.clone()).await, expected, "{second:?}");
        }
    })
    .await;
}

#[cached(key_prefix = "key_option:text", key = "{a}:{b}")]
async fn two_texts(source: &Source, a: &str, b: &str) -> u64 {
    _ = (a, b);
    source.read().await
}

#[tokio::test]
async fn what_a_template_puts_in_cannot_run_into_its_text() {
    on_each_store(async |cache: TestCache| {
        let call = async |source: &Source, (a, b): (&str, &str)| {
            two_texts(source, a, b).await;
        };
        assert_eq!(loads(call, ("a:b", "c"), ("a", "b:c")).await, 2);
        assert_eq!(loads(call, ("%3A", ""), (":", "")).await, 2);
        assert_eq!(loads(call, ("*", "x"), ("{a}", "x")).await, 2);
        let source = Source::new(1);
        two_texts(&source, "user", "1").await;
        cache.manager.clear(&cache_runtime::escape("key_option:text:*")).await.unwrap();
        two_texts(&source, "user", "1").await;
        assert_eq!(source.reads(), 1);
    })
    .await;
}

#[cached(key_prefix = "key_option:braces", key = "{{{id}}}")]
async fn braces(id: u64) -> u64 {
    id
}

#[tokio::test]
async fn a_template_gives_the_entry_a_name_that_can_be_written_down() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(5);
        by_template(&source, &ADA, 3).await;
        braces(4).await;
        let names = ["key_option:template:1:en:3", "key_option:braces:{4}"];
        assert_eq!(cache.manager.get_many(&names).await.unwrap(), [Some(5_u64), Some(4)]);
    })
    .await;
}

#[cached(key_prefix = "key_option:skip", skip(source, trace, database))]
async fn skips(source: &Source, id: u64, trace: &str, database: NotSerialize) -> u64 {
    _ = (id, trace, database);
    source.read().await
}

struct NotSerialize;

#[tokio::test]
async fn a_skipped_argument_tells_nothing_apart() {
    on_each_store(async |_: TestCache| {
        let source = Source::new(1);
        skips(&source, 1, "first", NotSerialize).await;
        skips(&source, 1, "second", NotSerialize).await;
        assert_eq!(source.reads(), 1);
        skips(&source, 2, "second", NotSerialize).await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}
