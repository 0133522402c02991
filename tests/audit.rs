//! A program of its own, so that all its call sites, and with them its findings, are known.
#![allow(dead_code, reason = "what is audited need not be called")]

use cache_runtime::{Finding, audit, cache_invalidate, cache_put, cached};

/// As it should be.
mod in_order {
    use super::*;

    #[cached(key_prefix = "user", key = "{id}", tags = ["team:{team}"])]
    async fn user(id: u64, team: u64) -> u64 {
        id + team
    }

    #[cached(key_prefix = "user:posts")]
    async fn posts(id: u64) -> u64 {
        id
    }

    #[cache_invalidate(prefix = "user:{id}", tags = ["team:{team}", "team:0"])]
    async fn change_user(id: u64, team: u64) {
        _ = (id, team);
    }

    #[cache_invalidate(prefix = "user:posts", entry = posts(id))]
    async fn publish(id: u64) {
        _ = id;
    }
}

mod with_mistakes {
    use super::*;

    #[cached(key_prefix = "video")]
    async fn get_video(id: u64) -> u64 {
        id
    }

    #[cached(key_prefix = "list")]
    async fn newest() -> u64 {
        1
    }

    #[cached(key_prefix = "list:newest:short")]
    async fn short_list() -> u64 {
        1
    }

    #[cache_invalidate(prefix = "video:{id}")]
    async fn rename_video(id: u64) {
        _ = id;
    }

    #[cache_invalidate(prefix = "video", tags = ["teams:{team}"])]
    async fn misspelt(team: u64) {
        _ = team;
    }

    #[cached(key_prefix = "badge", tags = ["team:team", "badges"])]
    async fn badge(team: u64) -> u64 {
        team
    }

    /// Not cached, which the compiler cannot see.
    async fn load_list(n: u64) -> u64 {
        n
    }

    #[cache_invalidate(entry = load_list(1), entry = self::newest())]
    async fn extend_list() {}

    #[cache_put(entry = load_list(n))]
    async fn replace_list(n: u64) -> u64 {
        n
    }

    #[cached(key_prefix = "price", key = "{article}")]
    async fn price(article: u64) -> u64 {
        article
    }

    #[cached(key_prefix = "price", key = "{id}")]
    async fn price_by_id(id: u64) -> u64 {
        id
    }

    fn siblings() {
        {
            #[cached]
            async fn twin() -> u64 {
                1
            }
        }
        {
            #[cached]
            async fn twin() -> u64 {
                2
            }
        }
    }
}

/// The functions of a finding, and what it is about.
fn summary(finding: &Finding) -> (&'static str, Vec<&'static str>, String) {
    let functions = |sites: &[cache_runtime::SourceLocation]| {
        sites.iter().map(|site| site.function).collect::<Vec<_>>()
    };
    match finding {
        Finding::Twins { sites, .. } => ("twins", functions(sites), String::new()),
        Finding::SameNames { names, sites, .. } => ("same names", functions(sites), names.clone()),
        Finding::NothingToInvalidate { site, option, name, nearest, .. } => {
            let nearest = nearest.as_deref().unwrap_or_default();
            ("nothing", vec![site.function], format!("{option} {name} {nearest}"))
        }
        Finding::WithoutBraces { site, option, text, argument, .. } => {
            ("braces", vec![site.function], format!("{option} {text} {argument}"))
        }
        Finding::NeverInvalidated { site, tag, .. } => {
            ("never", vec![site.function], (*tag).to_owned())
        }
        Finding::NotCached { site, call, .. } => {
            ("not cached", vec![site.function], (*call).to_owned())
        }
        Finding::AccidentalParent { prefix, parent, covered, child, .. } => {
            ("parent", vec![parent.function, child.function], format!("{prefix} {covered}"))
        }
        other => ("unknown", Vec::new(), other.to_string()),
    }
}

#[test]
fn exactly_the_mistakes_of_the_program_are_found() {
    let findings = audit();
    let found: Vec<_> = findings.iter().map(summary).collect();
    let expected = [
        ("twins", vec!["twin", "twin"], ""),
        ("same names", vec!["price", "price_by_id"], "price:{}"),
        ("braces", vec!["badge"], "tags team:team team"),
        ("never", vec!["badge"], "badges"),
        ("not cached", vec!["extend_list"], "load_list(1)"),
        ("nothing", vec!["misspelt"], "tags teams:{team} team:{team}"),
        ("nothing", vec!["rename_video"], "prefix video:{id} video"),
        ("not cached", vec!["replace_list"], "load_list(n)"),
        ("parent", vec!["newest", "short_list"], "list:newest list:newest:short"),
    ];
    assert_eq!(found, expected.map(|(kind, sites, about)| (kind, sites, about.to_owned())));
}

#[test]
fn findings_say_in_which_file_and_line() {
    for finding in audit() {
        let text = finding.to_string();
        assert!(text.contains(&format!("({}:", file!())), "{text}");
    }
}
