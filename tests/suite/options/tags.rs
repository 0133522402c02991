//! `tags`: more names to invalidate by.

use cache_runtime::cached;

use crate::source::Source;
use crate::stores::{TestCache, on_each_store};

#[cached(key_prefix = "tags_option", key = "{id}", tags = ["user:{user}", "plan:{plan.0}", "everyone"])]
async fn page(source: &Source, id: u64, user: &str, plan: (&str, u8)) -> u64 {
    _ = (id, user, plan);
    source.read().await
}

#[tokio::test]
async fn each_tag_invalidates_the_entries_that_have_it() {
    on_each_store(async |cache: TestCache| {
        for (tag, reloads) in [
            ("user:ada", 2),
            ("user:grace", 1),
            ("plan:pro", 2),
            ("plan:free", 1),
            ("everyone", 3),
            ("user", 0),
            ("nobody", 0),
        ] {
            let source = Source::new(1);
            let call_all = async || {
                page(&source, 1, "ada", ("pro", 1)).await;
                page(&source, 2, "ada", ("free", 1)).await;
                page(&source, 3, "grace", ("pro", 2)).await;
            };
            call_all().await;
            let before = source.reads();
            cache.manager.invalidate_tag(tag).await.unwrap();
            call_all().await;
            assert_eq!(source.reads() - before, reloads, "{tag}");
        }
    })
    .await;
}

#[cached(key_prefix = "tags_option:escaped", key = "{user}", tags = ["of:{user}"])]
async fn of(source: &Source, user: &str) -> u64 {
    _ = user;
    source.read().await
}

#[tokio::test]
async fn a_value_in_a_tag_cannot_be_another_tag() {
    on_each_store(async |cache: TestCache| {
        let source = Source::new(1);
        of(&source, "a:b").await;
        cache.manager.invalidate_tag("of:a:b").await.unwrap();
        of(&source, "a:b").await;
        assert_eq!(source.reads(), 1, "the colon was the user's, and is escaped");
        let tag = format!("of:{}", cache_runtime::escape("a:b"));
        cache.manager.invalidate_tag(&tag).await.unwrap();
        of(&source, "a:b").await;
        assert_eq!(source.reads(), 2);
    })
    .await;
}
