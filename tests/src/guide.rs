//! The listings of the guide (`docs/guide`), as documentation tests.

macro_rules! pages {
    ($($name:ident: $file:literal),* $(,)?) => {
        $(
            #[doc = include_str!(concat!("../../docs/guide/src/", $file))]
            pub mod $name {}
        )*
    };
}

pages! {
    getting_started: "getting-started.md",
    keys_and_tags: "keys-and-tags.md",
    invalidation: "invalidation.md",
    value_decides: "value-decides.md",
    dependent_calls: "dependent-calls.md",
    many_keys: "many-keys.md",
    databases: "databases.md",
    staleness_and_failures: "staleness-and-failures.md",
    protecting_the_source: "protecting-the-source.md",
    testing: "testing.md",
    operating: "operating.md",
    redis_topologies: "redis-topologies.md",
    migrating_from_cached: "migrating-from-cached.md",
    migrating_from_moka: "migrating-from-moka.md",
    migrating_from_redis: "migrating-from-redis.md",
    comparison: "comparison.md",
    faq: "faq.md",
}
