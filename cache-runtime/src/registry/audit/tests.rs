//! Tests of each finding, and of attributes without findings.

use super::Finding;
use crate::Coalesce;
use crate::registry::{CachedSite, Mutation, MutationSite, Registry, SeenCalls, SiteEntry};
use crate::site::{Inherit, SiteKey, SourceLocation};

const HASHED: SiteKey = SiteKey::Arguments(&["id"]);

fn location(path: &'static str) -> SourceLocation {
    let function = path.rsplit("::").next().unwrap_or(path);
    SourceLocation { module: "shop", function, path, file: "src/shop.rs", line: 1, package: "shop" }
}

fn cached(path: &'static str, prefix: Option<&'static str>, key: SiteKey) -> CachedSite {
    let location = location(path);
    CachedSite {
        prefix: prefix.unwrap_or(location.function),
        location,
        prefix_is_written: prefix.is_some(),
        key,
        skip: &[],
        tags: &[],
        arguments: &["id"],
        ttl: None,
        negative_ttl: None,
        version: 0,
        jitter: None,
        tier: None,
        manager: None,
        cost: 0.0,
        max_memory: None,
        max_entries: None,
        reserved: false,
        derives_tags: false,
        inherits: Inherit::Nothing,
        cache_if: false,
        cache_none: true,
        bypass_if: false,
        codec: None,
        stale_while_revalidate: None,
        stale_if_error: None,
        load_timeout: None,
        early_refresh: 0.0,
        background: false,
        verifiable: false,
        coalesce: Coalesce::Process,
        share_errors: false,
        detached: false,
        serve_stale_if: false,
        keep: None,
        still_current: false,
        previous: None,
        error_ttl: None,
        each: None,
        max_batch: None,
    }
}

fn templated(path: &'static str, prefix: &'static str, key: &'static str) -> CachedSite {
    cached(path, Some(prefix), SiteKey::Template(key))
}

fn mutation(prefix: Option<&'static str>, tags: &'static [&'static str]) -> MutationSite {
    MutationSite {
        location: location("shop::change"),
        kind: Mutation::Invalidate,
        prefix,
        tags,
        arguments: &["id"],
        entries: Vec::new(),
        when: "success",
        conditional: false,
        manager: None,
    }
}

fn of(cached: Vec<CachedSite>, mutations: Vec<MutationSite>) -> Registry {
    Registry { cached, mutations, calls: Vec::new() }
}

fn audit(cached: &[CachedSite]) -> Vec<Finding> {
    of(cached.to_vec(), Vec::new()).audit()
}

/// Returns the finding for an invalidation by this prefix; `None` if there is none.
fn prefix_finding(cached: &[CachedSite], prefix: &'static str) -> Option<Finding> {
    prefix_findings(cached, prefix).pop()
}

fn prefix_findings(cached: &[CachedSite], prefix: &'static str) -> Vec<Finding> {
    let mutations = vec![mutation(Some(prefix), &[])];
    of(cached.to_vec(), mutations).audit()
}

/// Returns the finding for an invalidation by these tags; `None` if there is none.
fn tag_finding(cached: &[CachedSite], tags: &'static [&'static str]) -> Option<Finding> {
    let mutations = vec![mutation(None, tags)];
    of(cached.to_vec(), mutations).audit().pop()
}

fn nearest(finding: Option<Finding>) -> Option<String> {
    match finding {
        Some(Finding::NothingToInvalidate { nearest, .. }) => nearest,
        _ => None,
    }
}

#[test]
fn a_program_without_sites_is_a_finding() {
    assert_eq!(audit(&[]), [Finding::NoSites {}]);
    let only_invalidates = vec![mutation(None, &["a"])];
    let found = of(Vec::new(), only_invalidates).audit();
    assert!(matches!(found[..], [Finding::NothingToInvalidate { .. }]), "{found:?}");
    assert!(Finding::NoSites {}.to_string().contains("`use name_of_the_library as _;`"));
}

#[test]
fn nothing_is_claimed_about_tags_that_an_expression_makes() {
    let get = || templated("shop::get", "video", "{id}");
    let tagged = CachedSite { tags: &["user:{id}", "{..}"], ..get() };
    let mutations = |tags| vec![mutation(None, tags)];
    let found = |site: &CachedSite, tags| {
        Registry { cached: vec![site.clone()], mutations: mutations(tags), calls: Vec::new() }
            .audit()
    };
    assert_eq!(found(&tagged, &["{..}"]), []);
    assert_eq!(found(&tagged, &["user:{id}", "other"]), [], "the other tag may have it");
    let derives = CachedSite { derives_tags: true, ..get() };
    assert_eq!(found(&derives, &["user:{id}", "other"]), [], "a value may have it");
    assert!(matches!(found(&get(), &["other"])[..], [Finding::NothingToInvalidate { .. }]));
    let optional = CachedSite { tags: &["user:{id?}:id"], ..get() };
    assert_eq!(found(&optional, &["user:{id}:id"]), [], "it has its braces");
}

#[test]
fn a_segment_that_is_called_like_an_argument_lacks_its_braces() {
    let arguments: &[&str] = &["id", "user", "team"];
    let site = |tags, key| {
        let site = CachedSite { tags, arguments, ..templated("shop::get", "video", key) };
        let mutations = vec![mutation(None, &["user:{id}", "a", "user:x:{id}", "user"])];
        of(vec![site], mutations).audit()
    };
    let lacking = |findings: Vec<Finding>| {
        let lacking = findings.into_iter().filter_map(|finding| match finding {
            Finding::WithoutBraces { option, text, argument, .. } => Some((option, text, argument)),
            _ => None,
        });
        lacking.collect::<Vec<_>>()
    };
    assert_eq!(lacking(site(&["user:id"], "{id}")), [("tags", "user:id", "id")]);
    assert_eq!(lacking(site(&["x:{id}:team"], "{id}")), [("tags", "x:{id}:team", "team")]);
    assert_eq!(lacking(site(&[], "{id}:user")), [("key", "{id}:user", "user")]);
    for tags in [&["user:{id}"][..], &["user:{user.id}:user"], &["user"], &["user:ids"]] {
        assert_eq!(lacking(site(tags, "user:{id}")), [], "{tags:?}");
    }
    let mutations = vec![mutation(Some("video:id"), &["video:id"])];
    let cached = vec![templated("shop::get", "video", "{id}")];
    let found = lacking(of(cached, mutations).audit());
    assert_eq!(found, [("prefix", "video:id", "id"), ("tags", "video:id", "id")]);
}

#[test]
fn a_tag_that_nothing_invalidates_is_found() {
    let tags: &[&str] = &["user:{user.id}", "home", "team:{team}"];
    let site = CachedSite { tags, ..templated("shop::get", "video", "{id}") };
    let never = |mutations: Vec<MutationSite>| {
        let found = of(vec![site.clone()], mutations).audit().into_iter();
        let tags = found.filter_map(|finding| match finding {
            Finding::NeverInvalidated { tag, .. } => Some(tag),
            _ => None,
        });
        tags.collect::<Vec<_>>()
    };
    assert_eq!(never(Vec::new()), ["user:{user.id}", "home", "team:{team}"]);
    let tagged = || mutation(None, &["user:{id}", "team:0"]);
    assert_eq!(never(vec![tagged()]), ["home"]);
    let by_prefix = mutation(Some("home"), &[]);
    assert_eq!(never(vec![tagged(), by_prefix]), [""; 0]);
    // A value may be any text of a segment.
    for tags in [&["{kind}:{id}"][..], &["t{rest}:{a}-{b}"], &["{x}am:{y}0"]] {
        assert!(!never(vec![mutation(None, tags)]).contains(&"team:{team}"), "{tags:?}");
    }
    // An invalidation of a prefix also reaches names below it. Tags have no such hierarchy.
    assert_eq!(never(vec![mutation(Some("user"), &["home"])]), ["user:{user.id}", "team:{team}"]);
}

#[test]
fn functions_that_print_alike_are_twins() {
    let price = || cached("shop::f::price", None, HASHED);
    let twins = [Finding::Twins { sites: vec![location("shop::f::price"); 2] }];
    assert_eq!(audit(&[price(), price()]), twins);
    let templated = || cached("shop::f::price", Some("p"), SiteKey::Template("{id}"));
    assert_eq!(audit(&[templated(), templated()]), twins);
}

#[test]
fn functions_that_print_differently_or_have_another_version_are_no_twins() {
    let a = cached("shop::A::get", Some("x"), HASHED);
    let b = cached("shop::B::get", Some("x"), HASHED);
    assert_eq!(audit(&[a.clone(), b]), []);
    assert_eq!(audit(&[a.clone(), CachedSite { version: 1, ..a }]), []);
}

#[test]
fn templates_that_give_the_same_names_are_found() {
    let finding = |names: &str, a, b| Finding::SameNames {
        names: names.to_owned(),
        sites: vec![location(a), location(b)],
    };
    let get = templated("shop::get", "video", "{id}");
    let load = templated("shop::load", "video", "{video.id}");
    assert_eq!(audit(&[get, load]), [finding("video:{}", "shop::get", "shop::load")]);
    let split = templated("shop::a", "video:meta", "{id}");
    let whole = templated("shop::b", "video", "meta:{id}");
    assert_eq!(audit(&[split, whole]), [finding("video:meta:{}", "shop::a", "shop::b")]);
    let default = cached("shop::video", None, SiteKey::Template("{id}"));
    let written = templated("shop::get", "video", "{id}");
    assert_eq!(audit(&[default, written]), [finding("video:{}", "shop::video", "shop::get")]);
}

#[test]
fn functions_of_one_name_with_one_template_share_their_names() {
    let get = |path| cached(path, None, SiteKey::Template("{name}"));
    let sites = vec![location("npm::get"), location("pypi::get")];
    let finding = Finding::SameNames { names: "get:{}".to_owned(), sites };
    assert!(finding.to_string().contains("each keeps its own"), "{finding}");
    assert_eq!(audit(&[get("npm::get"), get("pypi::get")]), [finding]);
    let hashed = |path| cached(path, None, HASHED);
    assert_eq!(audit(&[hashed("npm::get"), hashed("pypi::get")]), []);
}

#[test]
fn templates_that_give_other_names_are_in_order() {
    let sites = [
        templated("shop::a", "video", "{id}"),
        templated("shop::b", "video", "{id}:{language}"),
        templated("shop::c", "video", "{{id}}"),
        templated("shop::d", "videos", "{id}"),
        cached("shop::e", Some("video"), HASHED),
    ];
    assert_eq!(audit(&sites), []);
}

#[test]
fn a_prefix_that_no_function_has_is_found_with_the_one_that_was_meant() {
    let sites = [templated("shop::get", "video:meta", "{id}"), cached("shop::user", None, HASHED)];
    for (written, meant) in [
        ("videos", "video"),
        ("Video:Meta", "video:meta"),
        ("users", "user"),
        ("video:mata", "video:meta"),
    ] {
        assert_eq!(nearest(prefix_finding(&sites, written)).as_deref(), Some(meant), "{written}");
    }
    let unlike = Finding::NothingToInvalidate {
        site: location("shop::change"),
        option: "prefix",
        name: "orders",
        nearest: None,
        hashed: None,
    };
    assert_eq!(prefix_finding(&sites, "orders"), Some(unlike));
}

#[test]
fn an_argument_in_a_prefix_needs_a_template() {
    let hashed = [cached("shop::get_video", Some("video"), HASHED)];
    assert_eq!(nearest(prefix_finding(&hashed, "video:{id}")).as_deref(), Some("video"));
    assert_eq!(nearest(prefix_finding(&hashed, "vide:{id}")).as_deref(), Some("video"));
    let templated = [templated("shop::get_video", "video", "{id}")];
    assert_eq!(prefix_finding(&templated, "video:{id}"), None);
    assert_eq!(prefix_finding(&templated, "video:latest"), None);
}

#[test]
fn every_part_of_a_name_is_a_prefix() {
    let hashed = [cached("shop::get", Some("a:b"), HASHED)];
    for prefix in ["a", "a:b", "a:b:get", "a:{x}", "{x}"] {
        assert_eq!(prefix_finding(&hashed, prefix), None, "{prefix}");
    }
    for prefix in ["b", "a:b:{x}", "a:b:get:{x}"] {
        assert!(prefix_finding(&hashed, prefix).is_some(), "{prefix}");
    }
    let templated = [templated("shop::get", "a", "b:{x}:{y}")];
    for prefix in ["a", "a:b", "a:b:{x}", "a:b:1", "a:b:{x}:{y}", "a:{kind}:{x}"] {
        assert_eq!(prefix_finding(&templated, prefix), None, "{prefix}");
    }
    for prefix in ["a:c", "a:b:{x}:{y}:{z}", "a:get"] {
        assert!(prefix_finding(&templated, prefix).is_some(), "{prefix}");
    }
}

#[test]
fn the_function_that_gives_its_name_to_the_prefix_is_named_in_full() {
    let sites = [cached("shop::get_video", None, HASHED)];
    assert_eq!(prefix_finding(&sites, "get_video"), None);
    assert_eq!(prefix_finding(&sites, "get_video:get_video"), None);
    assert!(prefix_finding(&sites, "{kind}").is_some());
    assert!(prefix_finding(&sites, "get_{kind}").is_some());
}

#[test]
fn the_first_six_prefixes_count() {
    let sites = [templated("shop::get", "a:b:c", "d:e:f:g:h")];
    assert_eq!(prefix_finding(&sites, "a:b:c:d:e:f"), None);
    assert!(tag_finding(&sites, &["a:b:c:d:e:f:g"]).is_some());
}

#[test]
fn tags_and_prefixes_are_of_one_kind() {
    let tags: &[&str] = &["user:{user.id}", "home"];
    let sites = [CachedSite { tags, ..templated("shop::get", "video", "{id}") }];
    let prefix_finding = |sites: &[CachedSite], prefix| {
        let found = prefix_findings(sites, prefix);
        found.into_iter().find(|finding| !matches!(finding, Finding::NeverInvalidated { .. }))
    };
    assert_eq!(prefix_finding(&sites, "home"), None);
    assert_eq!(prefix_finding(&sites, "user:{id}"), None);
    assert_eq!(tag_finding(&sites, &["video", "user:{id}", "user:1", "home"]), None);
    assert_eq!(
        nearest(tag_finding(&sites, &["home", "user:{id}:x"])),
        Some("user:{user.id}".to_owned())
    );
}

#[test]
fn a_tag_reaches_neither_what_is_below_it_nor_a_name() {
    let tags: &[&str] = &["user:{id}"];
    let sites = [CachedSite { tags, ..templated("shop::get", "video", "{id}") }];
    assert!(tag_finding(&sites, &["user"]).is_some());
    assert!(prefix_finding(&sites, "user").is_some());
    assert!(tag_finding(&sites, &["video:{id}"]).is_some());
}

#[test]
fn a_prefix_from_a_name_that_covers_a_written_one_is_found() {
    let finding = |prefix: &str, parent, covered| Finding::AccidentalParent {
        prefix: prefix.to_owned(),
        parent: location(parent),
        covered,
        child: location("shop::child"),
    };
    let default = cached("shop::video", None, SiteKey::Template("{id}"));
    let child = cached("shop::child", Some("video:meta"), HASHED);
    assert_eq!(audit(&[default, child]), [finding("video", "shop::video", "video:meta")]);
    let named = cached("shop::meta", Some("video"), HASHED);
    for covered in ["video:meta", "video:meta:short"] {
        let child = cached("shop::child", Some(covered), HASHED);
        assert_eq!(audit(&[named.clone(), child]), [finding("video:meta", "shop::meta", covered)]);
    }
}

#[test]
fn written_prefixes_may_be_below_each_other() {
    let above = cached("shop::video", Some("video"), HASHED);
    let below = cached("shop::meta", Some("video:meta"), HASHED);
    let same = cached("shop::same", Some("video"), HASHED);
    assert_eq!(audit(&[above, below, same]), []);
}

#[test]
fn a_name_that_is_shared_or_only_begins_alike_covers_nothing() {
    let default = cached("shop::video", None, SiteKey::Template("{id}"));
    let same = cached("shop::get", Some("video"), HASHED);
    let alike = cached("shop::list", Some("videos:all"), HASHED);
    let below = cached("shop::video", None, HASHED);
    assert_eq!(audit(&[default, same, alike]), []);
    assert_eq!(audit(&[below]), []);
}

/// Returns the finding for an entry of this kind, if `get_video` is cached.
fn entry_finding(kind: Mutation, call: &'static str, function: &'static str) -> Option<String> {
    let entries = vec![SiteEntry { call, function }];
    let mutations = vec![MutationSite { kind, entries, ..mutation(None, &[]) }];
    let cached = vec![cached("shop::get_video", None, HASHED)];
    of(cached, mutations).audit().pop().map(|finding| finding.to_string())
}

#[test]
fn a_call_of_what_is_not_cached_is_found() {
    use Mutation::{Invalidate, Put};
    let finding = |kind, function| entry_finding(kind, "call(id)", function);
    assert_eq!(finding(Invalidate, "get_video"), None);
    // A callee that is not a path has no name.
    assert_eq!(finding(Invalidate, ""), None);
    assert_eq!(
        finding(Invalidate, "helper").as_deref(),
        Some(
            "the `entry` of shop::change (src/shop.rs:1) is `call(id)`, and no `#[cached]` \
             function is called `helper`: nothing is invalidated"
        )
    );
    let put = finding(Put, "get_vidoe").unwrap_or_default();
    assert!(put.ends_with("what was there stays, did you mean `get_video`?"), "{put}");
}

#[test]
fn findings_say_what_where_and_what_to_do() {
    let sites = [cached("shop::get_video", Some("video"), HASHED)];
    let text = prefix_finding(&sites, "video:{id}").map(|finding| finding.to_string());
    let expected = "the prefix `video:{id}` of shop::change (src/shop.rs:1) invalidates nothing: no \
                    cached function has it. `get_video` has no `key` template, so no name has a \
                    value in it: invalidate `video`, or use `entry = get_video(..)`";
    assert_eq!(text.as_deref(), Some(expected));
    let templated = [templated("shop::get_user", "user", "{user.id}:{language}")];
    for sites in [&sites[..], &templated] {
        for written in ["vide:{id}", "users:{id}", "user:{id}:{a}:{b}"] {
            let text = prefix_finding(sites, written).map(|finding| finding.to_string());
            assert!(!text.unwrap_or_default().contains("`key`"), "{written}");
        }
    }
    let text = prefix_finding(&templated, "users:{id}").map(|finding| finding.to_string());
    assert!(text.unwrap_or_default().ends_with("the nearest is `user:{user.id}`"));
    let debug = format!("{:?}", prefix_finding(&sites, "video:{id}"));
    assert_eq!(debug, format!("Some(\"{expected}\")"));
    let twins = Finding::Twins { sites: ["a", "b", "c"].map(location).to_vec() }.to_string();
    assert!(
        twins.contains("a (src/shop.rs:1), b (src/shop.rs:1) and c (src/shop.rs:1)"),
        "{twins}"
    );
}

fn seen(outer: &CachedSite, inner: &CachedSite) -> SeenCalls {
    let [outer, inner] = [outer, inner].map(|site| site.location.clone());
    SeenCalls { outer, inner, count: 1 }
}

/// Returns the texts that are not passed on from the inner function to the outer one.
fn not_passed_on(
    outer: &CachedSite,
    inner: &CachedSite,
    mutations: Vec<MutationSite>,
) -> Vec<&'static str> {
    let (cached, calls) = (vec![outer.clone(), inner.clone()], vec![seen(outer, inner)]);
    let found = Registry { cached, mutations, calls }.audit().into_iter();
    let names = found.filter_map(|finding| match finding {
        Finding::NotPassedOn { name, .. } => Some(name),
        _ => None,
    });
    names.collect()
}

fn by_entry(call: &'static str, function: &'static str) -> MutationSite {
    MutationSite { entries: vec![SiteEntry { call, function }], ..mutation(None, &[]) }
}

#[test]
fn an_invalidation_that_does_not_reach_the_function_that_calls_is_found() {
    let tags: &[&str] = &["user:{user.id}"];
    let inner = CachedSite { tags, ..templated("shop::price", "price", "{id}") };
    let outer = templated("shop::offer", "offer", "{id}");
    let not_passed_on = |mutation| not_passed_on(&outer, &inner, vec![mutation]);
    assert_eq!(not_passed_on(mutation(Some("price:{id}"), &[])), ["price:{id}"]);
    assert_eq!(not_passed_on(mutation(None, &["other", "user:{id}"])), ["user:{id}"]);
    assert_eq!(not_passed_on(mutation(Some("price"), &["user:0"])), ["price"]);
    assert_eq!(not_passed_on(by_entry("price(1)", "price")), ["price(1)"]);
}

#[test]
fn an_invalidation_that_reaches_or_may_reach_the_function_that_calls_is_in_order() {
    let inner = templated("shop::price", "price", "{id}");
    let tags: &[&str] = &["article:{id}"];
    let outer = CachedSite { tags, ..templated("shop::offer", "offer", "{id}") };
    for (prefix, tags) in [
        (Some("price:{id}"), &["article:{article}"][..]),
        (Some("price"), &["{kind}:{id}"]),
        (Some("{kind}"), &["price:{id}"]),
        (None, &["price:{id}", "offer"]),
    ] {
        assert!(not_passed_on(&outer, &inner, vec![mutation(prefix, tags)]).is_empty(), "{tags:?}");
    }
    let both = by_entry("offer(1)", "offer");
    let both = MutationSite { prefix: Some("price:{id}"), ..both };
    assert!(not_passed_on(&outer, &inner, vec![both]).is_empty());
    // A value may equal the name of a function.
    let outer = cached("shop::offer", None, HASHED);
    let by_value = mutation(Some("{kind}"), &["price:{id}"]);
    assert!(not_passed_on(&outer, &inner, vec![by_value]).is_empty());
}

#[test]
fn an_invalidation_that_may_not_be_meant_for_the_inner_function_is_no_finding() {
    let inner = templated("shop::price", "price", "{id}");
    let outer = templated("shop::offer", "offer:{id}", "{id}");
    for other in [
        mutation(Some("{kind}:{id}"), &[]),
        mutation(Some("prices:{id}"), &[]),
        by_entry("price_of(1)", "price_of"),
        MutationSite { manager: Some("&OTHER"), ..mutation(Some("price:{id}"), &[]) },
        MutationSite { kind: Mutation::Put, ..by_entry("price(1)", "price") },
    ] {
        assert!(not_passed_on(&outer, &inner, vec![other.clone()]).is_empty(), "{other:?}");
    }
    for other in ["&OTHER", "&ANOTHER"] {
        let elsewhere = CachedSite { manager: Some(other), ..outer.clone() };
        let change = mutation(Some("price:{id}"), &[]);
        assert!(not_passed_on(&elsewhere, &inner, vec![change]).is_empty());
    }
    // The call may be one of another function of that name.
    let cached = vec![outer.clone(), inner.clone(), templated("b::price", "cost", "{id}")];
    let calls = vec![seen(&outer, &inner)];
    let mutations = vec![by_entry("price(1)", "price")];
    assert_eq!(Registry { cached, mutations, calls }.audit(), []);
}

#[test]
fn a_function_that_inherits_passes_an_invalidation_on() {
    let price = templated("shop::price", "price", "{id}");
    let offer = templated("shop::offer", "offer", "{id}");
    let offer = CachedSite { inherits: Inherit::All, ..offer };
    let page = templated("shop::page", "page", "{id}");
    let change = || vec![mutation(Some("price:{id}"), &[])];
    assert!(not_passed_on(&offer, &price, change()).is_empty());

    let calls = vec![seen(&page, &offer), seen(&offer, &price), seen(&offer, &page)];
    let cached = vec![price, offer, page.clone()];
    let of_page = Registry { cached, mutations: change(), calls: calls.clone() };
    let found = of_page.audit().into_iter().filter_map(|finding| match finding {
        Finding::NotPassedOn { name, inner, outer, .. } => {
            Some((name, inner.function, outer.function))
        }
        _ => None,
    });
    assert_eq!(found.collect::<Vec<_>>(), [("price:{id}", "offer", "page")]);

    let page = CachedSite { inherits: Inherit::Tags, ..page };
    let cached = of_page.cached.into_iter().take(2).chain([page]).collect();
    assert_eq!(Registry { cached, mutations: change(), calls }.audit(), []);
}

#[test]
fn a_function_that_calls_itself_is_reached_by_its_own_invalidation() {
    let site = templated("shop::price", "price", "{id}");
    for change in [mutation(Some("price:{id}"), &[]), by_entry("price(1)", "price")] {
        assert!(not_passed_on(&site, &site, vec![change]).is_empty());
    }
}

#[test]
fn an_invalidation_that_is_not_passed_on_is_described_with_all_functions() {
    let (outer, inner) =
        (templated("shop::offer", "offer", "{id}"), templated("shop::price", "price", "{id}"));
    let calls = vec![seen(&outer, &inner)];
    let mutations = vec![mutation(None, &["price:{id}"]), mutation(Some("price:{id}"), &[])];
    let found = Registry { cached: vec![outer, inner], mutations, calls }.audit();
    let text = found.last().map(ToString::to_string).unwrap_or_default();
    let expected = "the prefix `price:{id}` of shop::change (src/shop.rs:1) invalidates values of \
         shop::price (src/shop.rs:1), and none of shop::offer (src/shop.rs:1), whose body calls that function: its \
         values stay as they are; let `offer` inherit, or give it a tag that `change` invalidates too";
    assert_eq!(text, expected);
}
