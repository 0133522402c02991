//! The registry of the program's call sites, none of which is called here.
#![allow(dead_code, reason = "what is listed need not be called")]

use std::sync::LazyLock;
use std::time::Duration;

use cache_runtime::{
    CacheManager, CachedSite, Coalesce, Inherit, MessagePack, Mutation, MutationSite, SiteKey,
    SiteTtl, Tier, Ttl, cache_invalidate, cache_put, cached, registry,
};

const PREFIX: &str = "registry:constant";

static MANAGERS: LazyLock<Managers> = LazyLock::new(|| Managers { own: CacheManager::off() });

struct Managers {
    own: CacheManager,
}

fn an_hour() -> Duration {
    Duration::from_secs(3600)
}

#[cached(
    ttl = "5m",
    negative_ttl = "10s",
    key_prefix = "registry",
    tags = ["user:{user.0}", "{{all}}"],
    skip(connection, r#type),
    version = 3,
    jitter = 0.25,
    tier = "tiered",
    cost = 0.5,
    codec = cache_runtime::MessagePack,
    cache_if = |value: &Option<u64>| *value != Some(0),
    tags_of = |value: &Option<u64>| *value,
    inherit = "tags",
    bypass_if = id == 7,
    manager = &cache_runtime::cache(),
)]
async fn every_option(id: u64, user: (u64, bool), connection: &str, r#type: u8) -> Option<u64> {
    _ = (user, connection, r#type);
    Some(id)
}

#[cached(
    ttl = "1m",
    stale_while_revalidate = "2m",
    stale_if_error = "forever",
    serve_stale_if = |error| error.is_empty(),
    load_timeout = "3s",
    error_ttl = "2s",
    early_refresh = 1.5,
    detached = true,
    coalesce = "fleet",
    inherit,
    share_errors = true
)]
async fn staleness(id: u64) -> Result<u64, String> {
    Ok(id)
}

#[cached(skip(lang), tags = ["{id}"], each(id in ids), max_batch = 100)]
async fn many_keys(ids: Vec<u64>, user: u64, lang: &str) -> Vec<u64> {
    _ = (user, lang);
    ids
}

#[cached(entry = staleness(id), each(id in ids))]
async fn many_keys_of_another(ids: Vec<u64>) -> Vec<u64> {
    ids
}

#[cache_invalidate(prefix = "registry:{id}", each(id in ids))]
async fn invalidates_many(ids: &[u64], user: u64) {
    _ = (ids, user);
}

#[cached]
async fn no_option(a: u8, (b, _): (u8, u8)) -> u8 {
    a + b
}

#[cached(key_prefix = PREFIX, key = "{type}:x-{b.0}", ttl = an_hour())]
async fn r#move(r#type: u8, b: (u8, u8)) -> u8 {
    r#type + b.0
}

#[cached(key = a.to_lowercase(), ttl = "forever", cache_none = false, codec = MessagePack)]
async fn expression(a: &str) -> Option<usize> {
    Some(a.len())
}

#[cache_invalidate(
    prefix = "registry:{id}",
    tags = ["user:{id}", "all"],
    entry = self::no_option(1, (2, 3)),
    entry = r#move(1, (2, 3)),
    when = "always",
    if = |result: &Result<(), String>| result.is_ok(),
)]
async fn invalidates(id: u64) -> Result<(), String> {
    _ = id;
    Ok(())
}

#[cache_put(entry = no_option(a, (1, 2)), manager = &MANAGERS.own)]
async fn puts(a: u8) -> u8 {
    a
}

struct Plain;
struct Other;
struct Generic<T>(T);

impl Plain {
    #[cached(skip(self))]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

impl Other {
    #[cached(skip(self))]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

impl<T: Sync> Generic<T> {
    #[cached(skip(self))]
    async fn in_generic_impl(&self, id: u64) -> u64 {
        id
    }
}

#[cached]
async fn generic<T: serde::Serialize + Sync>(value: T) -> u64 {
    _ = value;
    1
}

trait Store {
    fn by_trait(&self) -> impl Future<Output = u64>;

    #[cached(skip(self))]
    async fn by_default(&self) -> u64 {
        2
    }
}

impl Store for Plain {
    #[cached(skip(self))]
    async fn by_trait(&self) -> u64 {
        1
    }
}

impl<T: Sync> Store for Generic<T> {
    #[cached(skip(self))]
    async fn by_trait(&self) -> u64 {
        3
    }
}

async fn outer() -> u64 {
    #[cached]
    async fn nested() -> u64 {
        1
    }
    nested().await
}

fn cached_sites() -> Vec<CachedSite> {
    let mut sites = registry().cached;
    sites.retain(|site| site.location.module == module_path!());
    sites
}

fn cached_site(function: &str) -> CachedSite {
    cached_sites().into_iter().find(|site| site.location.function == function).unwrap()
}

fn mutation_site(function: &str) -> MutationSite {
    let mut sites = registry().mutations.into_iter();
    sites
        .find(|site| site.location.module == module_path!() && site.location.function == function)
        .unwrap()
}

fn fixed(seconds: u64) -> Option<SiteTtl> {
    Some(SiteTtl::Fixed(Ttl::For(Duration::from_secs(seconds))))
}

#[test]
fn every_option_is_listed() {
    let site = cached_site("every_option");
    assert_eq!((site.prefix, site.prefix_is_written), ("registry", true));
    assert_eq!(site.key, SiteKey::Arguments(&["id", "user"]));
    assert_eq!(site.skip, ["connection", "type"]);
    assert_eq!(site.tags, ["user:{user.0}", "{{all}}"]);
    assert_eq!((site.ttl, site.negative_ttl), (fixed(300), fixed(10)));
    assert_eq!((site.version, site.jitter, site.cost), (3, Some(0.25), 0.5));
    assert_eq!((site.tier, site.codec), (Some(Tier::Tiered), Some("cache_runtime::MessagePack")));
    assert_eq!((site.cache_if, site.cache_none, site.bypass_if), (true, true, true));
    assert!(site.derives_tags);
    assert_eq!(site.inherits, Inherit::Tags);
    assert_eq!(site.manager, Some("&cache_runtime::cache()"));
}

#[test]
fn what_a_caller_gets_while_a_load_runs_is_listed() {
    let site = cached_site("staleness");
    assert_eq!(site.stale_while_revalidate, fixed(120));
    assert_eq!(site.stale_if_error, Some(SiteTtl::Fixed(Ttl::Forever)));
    assert_eq!((site.load_timeout, site.early_refresh), (fixed(3), 1.5));
    assert_eq!((site.coalesce, site.inherits), (Coalesce::Fleet, Inherit::All));
    assert!(site.share_errors && site.background && site.detached && site.serve_stale_if);
    assert_eq!(site.error_ttl, fixed(2));
    let site = cached_site("no_option");
    assert_eq!((site.stale_while_revalidate, site.stale_if_error), (None, None));
    assert_eq!((site.load_timeout, site.early_refresh), (None, 0.0));
    assert_eq!(site.coalesce, Coalesce::Process);
    assert!(!site.share_errors && !site.background && !site.detached);
    assert!(!site.serve_stale_if && site.error_ttl.is_none());
}

#[test]
fn a_function_of_many_keys_is_listed_with_one_id_in_the_place_of_all() {
    let site = cached_site("many_keys");
    assert_eq!((site.each, site.max_batch), (Some("id in ids"), Some(100)));
    assert_eq!(site.key, SiteKey::Arguments(&["id", "user"]));
    assert_eq!((site.skip, site.arguments), (&["lang"][..], &["id", "user", "lang"][..]));
    let site = cached_site("no_option");
    assert_eq!((site.each, site.max_batch), (None, None));
    assert!(cached_sites().iter().all(|site| site.location.function != "many_keys_of_another"));
    assert_eq!(mutation_site("invalidates_many").arguments, ["id", "user"]);
}

#[test]
fn defaults_are_listed() {
    let site = cached_site("no_option");
    assert_eq!((site.prefix, site.prefix_is_written), ("no_option", false));
    assert_eq!(site.key, SiteKey::Arguments(&["a", "b"]));
    assert!(site.skip.is_empty() && site.tags.is_empty());
    assert_eq!((site.ttl, site.negative_ttl, site.jitter, site.tier), (None, None, None, None));
    assert_eq!((site.cache_if, site.cache_none, site.bypass_if), (false, true, false));
    assert!(!site.derives_tags);
    assert_eq!(site.inherits, Inherit::Nothing);
    assert_eq!(site.manager, None);
}

#[test]
fn keys_ttls_and_codecs_are_listed_as_they_are_written() {
    let site = cached_site("move");
    assert_eq!((site.prefix, site.key), (PREFIX, SiteKey::Template("{type}:x-{b.0}")));
    assert_eq!(site.ttl, Some(SiteTtl::Expression));
    let site = cached_site("expression");
    assert_eq!((site.key, site.cache_none), (SiteKey::Expression, false));
    assert_eq!((site.ttl, site.codec), (Some(SiteTtl::Fixed(Ttl::Forever)), Some("MessagePack")));
}

#[test]
fn what_invalidates_and_puts_is_listed() {
    let site = mutation_site("invalidates");
    assert_eq!((site.kind, site.prefix), (Mutation::Invalidate, Some("registry:{id}")));
    assert_eq!(site.tags, ["user:{id}", "all"]);
    let entries = |site: &MutationSite| {
        site.entries.iter().map(|entry| (entry.call, entry.function)).collect::<Vec<_>>()
    };
    let no_option = ("self::no_option(1, (2, 3))", "no_option");
    assert_eq!(entries(&site), [no_option, ("r#move(1, (2, 3))", "move")]);
    assert_eq!((site.when, site.conditional, site.manager), ("always", true, None));
    let site = mutation_site("puts");
    assert_eq!((site.kind, site.prefix), (Mutation::Put, None));
    assert_eq!(entries(&site), [("no_option(a, (1, 2))", "no_option")]);
    assert_eq!((site.when, site.conditional), ("success", false));
    assert_eq!(site.manager, Some("&MANAGERS.own"));
}

#[test]
fn each_function_is_listed_once_under_its_path_generic_or_not() {
    let paths: Vec<&str> = cached_sites().iter().map(|site| site.location.path).collect();
    let expected = [
        "suite::registry::Store::by_default",
        "<suite::registry::Generic<_> as suite::registry::Store>::by_trait",
        "<suite::registry::Plain as suite::registry::Store>::by_trait",
        "suite::registry::every_option",
        "suite::registry::expression",
        "suite::registry::generic",
        "suite::registry::Other::get",
        "suite::registry::Plain::get",
        "suite::registry::Generic<_>::in_generic_impl",
        "suite::registry::outer::{{closure}}::nested",
        "suite::registry::many_keys",
        "suite::registry::no_option",
        "suite::registry::staleness",
        "suite::registry::move",
    ];
    let mut sorted = expected.map(|path| (path.rsplit("::").next().unwrap(), path));
    sorted.sort_unstable();
    assert_eq!(paths, sorted.map(|(_, path)| path));
}

#[test]
fn a_place_says_file_and_line() {
    let location = cached_site("no_option").location;
    assert_eq!(location.file, file!());
    let text = location.to_string();
    assert_eq!(text, format!("suite::registry::no_option ({}:{})", file!(), location.line));
}

#[test]
fn the_registry_serialises_for_an_admin_page() {
    let site = serde_json::to_value(cached_site("every_option")).unwrap();
    assert_eq!(site["function"], "every_option");
    assert_eq!(site["key"], serde_json::json!({ "arguments": ["id", "user"] }));
    assert_eq!((&site["ttl"], &site["tier"]), (&"5m".into(), &"tiered".into()));
    assert_eq!(site["inherits"], "tags");
    let inherits =
        |function| serde_json::to_value(cached_site(function)).unwrap()["inherits"].clone();
    assert_eq!([inherits("staleness"), inherits("no_option")], ["all", "nothing"]);
    let site = serde_json::to_value(mutation_site("puts")).unwrap();
    assert_eq!(site["kind"], "put");
    assert!(serde_json::to_value(registry()).unwrap()["cached"].is_array());
}
