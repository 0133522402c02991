//! The admin page in a real browser: headless Chromium, driven by its WebDriver.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod browser;
mod graph;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use cache_admin::{AdminConfig, AdminKey, router};
use cache_runtime::{CacheConfig, CacheManager, cached, with};
use cache_tests::{RedisServer, unique_namespace};
use tokio::net::TcpListener;

use browser::Browser;

const KEY: &str = "the key of this test";

const ENTER: &str = "\u{e007}";
const ASKED: &str = "return document.getElementById('ask').open";
const FITS: &str = "return document.documentElement.scrollWidth <= window.innerWidth";
/// Every cell and button of the call sites is within the window and within its table, unclipped.
const IN_SIGHT: &str = "
    const frame = document.querySelector('.scroll').getBoundingClientRect();
    const parts = [...document.querySelectorAll('#sites td, #sites button, #events li')];
    return parts.length > 10 && parts.every((part) => {
        const { left, right } = part.getBoundingClientRect();
        return left >= 0 && right <= window.innerWidth + 1
            && (part.tagName === 'LI' || right <= frame.right + 1);
    });";

/// The names of the call sites are broken between words alone.
const WHOLE_WORDS: &str = "
    const words = [...document.querySelectorAll('#sites td:first-child')]
        .flatMap((name) => [...name.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE));
    const lines = (word) => {
        const range = document.createRange();
        range.selectNodeContents(word);
        return new Set([...range.getClientRects()].map(({ top }) => top)).size;
    };
    return words.length > 10 && words.every((word) => lines(word) === 1);";

/// Returns a script that tells whether the value is one of the choices.
fn offers(value: &str) -> String {
    format!(
        "return [...document.querySelectorAll('#known option')].some((known) => known.value == '{value}')"
    )
}

static LOADS: AtomicU64 = AtomicU64::new(0);

#[cached(ttl = "10m", key_prefix = "page", key = "{id}", tags = ["shelf:{id}"])]
async fn item(id: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::Relaxed);
    id
}

#[cached(ttl = "10m", key_prefix = "long", key = "{id}")]
async fn a_function_in_a_module_in_a_module_with_the_names_of_all_that_it_is_generic_over_and_more_than_that(
    id: u64,
) -> u64 {
    id
}

/// Waits until there were this many loads.
async fn until_loaded(loads: u64) {
    let waiting = async {
        while LOADS.load(Ordering::Relaxed) < loads {
            // The load goes on by itself, in a task of its own.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(browser::PATIENCE, waiting).await.expect("loads in time");
}

/// Serves the page of a cache, and gives its address.
async fn serve(manager: &CacheManager) -> String {
    let config = AdminConfig::default().key(AdminKey::new(KEY).unwrap());
    let service = Router::new().nest("/cache", router(manager.clone(), config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    format!("http://{address}/cache")
}

#[tokio::test]
async fn the_page_shows_what_the_cache_does_and_steers_it() {
    let manager = CacheManager::builder().build().unwrap();
    let url = serve(&manager).await;
    let page = Browser::start().await;
    page.goto(&url).await;

    // The page requests the key. It can also be given later.
    page.wait_for("the dialog", ASKED).await;
    page.click("#no").await;
    page.click("#give-key").await;
    page.wait_for("the dialog again", ASKED).await;
    page.wait_for("a button no more", "return document.getElementById('give-key').hidden").await;
    // A wrong one is refused, and said so. Enter is yes.
    page.fill("#key", "not the key of this test").await;
    page.keys("#key", ENTER).await;
    page.wait_for_text("#status", "this is not the admin key").await;
    page.wait_for("the dialog once more", ASKED).await;
    page.fill("#key", KEY).await;
    page.keys("#key", ENTER).await;
    page.wait_for_text("#status", "healthy").await;

    // The page names the cache, and lists what can be invalidated.
    page.wait_for_text("#source", &format!("process {}", std::process::id())).await;
    page.wait_for_text("#source", "namespace cache · no Redis").await;
    page.wait_for("prefixes to choose from", &offers("page")).await;

    // The numbers move under load.
    let caller = manager.clone();
    let load = tokio::spawn(async move {
        with(&caller, async {
            for id in (0..10).cycle() {
                item(id).await;
                // A load that leaves the browser some of the machine.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    });
    page.wait_for_text("#sites", "browser::item").await;
    page.wait_for_text("#hit-rate", "100.0 %").await;
    page.wait_for_text("#memory-rows", "browser::item").await;
    page.wait_for_text("#memory-state", "10 entries in ").await;
    page.wait_for_text("#memory-state", "with 64.0 MiB").await;
    let line =
        "return document.querySelector('#chart-requests path').getAttribute('d').length > 20";
    page.wait_for("a line in the chart", line).await;
    page.screenshot("page-light").await;

    // An invalidation from the page takes effect, and is among the events.
    assert_eq!(LOADS.load(Ordering::Relaxed), 10);
    page.fill("#which", "page").await;
    page.click("#invalidate button").await;
    // The key is known, and not requested again.
    let hidden = "return getComputedStyle(document.getElementById('key-label')).display == 'none'";
    page.wait_for("a question without a field", hidden).await;
    page.click("#yes").await;
    page.wait_for_text("#outcome", "invalidated page").await;
    page.wait_for_text("#events", "invalidated names page; tags page").await;
    until_loaded(20).await;

    // An invalidation of an absent entry is not reported as done.
    page.click("#what option[value=entries]").await;
    page.fill("#which", "nothing").await;
    page.click("#invalidate button").await;
    page.click("#yes").await;
    page.wait_for_text("#outcome", "there was no such entry").await;
    let dim = "return document.getElementById('outcome').className == 'nothing'";
    page.wait_for("an outcome that is not green", dim).await;
    page.click("#what option[value=tag]").await;
    page.wait_for("tags to choose from", &offers("shelf:")).await;
    page.click("#what option[value=prefix]").await;

    // An invalid name is refused with the reason.
    page.fill("#which", "#reserved").await;
    page.click("#invalidate button").await;
    page.click("#yes").await;
    page.wait_for_text("#outcome", "the prefix \"#reserved\" cannot be used").await;

    // A function is switched off, and on again.
    page.click("#sites button").await;
    page.click("#yes").await;
    page.wait_for_text("#sites", "Switch on").await;
    assert_eq!(manager.disabled().len(), 1);
    until_loaded(LOADS.load(Ordering::Relaxed) + 10).await;
    page.click("#sites button").await;
    page.click("#yes").await;
    page.wait_for_text("#sites", "Switch off").await;
    assert!(manager.disabled().is_empty());

    // Sorted by a column, by keyboard.
    page.keys("#columns th:first-child button", ENTER).await;
    let sorted = "return document.querySelector('#columns th').ariaSort == 'ascending'";
    page.wait_for("the order", sorted).await;

    // With a long name of a function, and on a phone, everything is visible.
    with(&manager, async {
        a_function_in_a_module_in_a_module_with_the_names_of_all_that_it_is_generic_over_and_more_than_that(1).await;
    })
    .await;
    page.wait_for_text("#sites", "and_more_than_that").await;
    for (width, name) in [(1280, "wide"), (500, "phone")] {
        page.resize(width, 1400).await;
        for dark in [false, true] {
            page.dark(dark).await;
            page.screenshot(&format!("page-{name}-{}", if dark { "dark" } else { "light" })).await;
        }
        page.wait_for("a page as wide as the window", FITS).await;
        page.wait_for("the buttons of each row in sight", IN_SIGHT).await;
        page.wait_for("names that are broken between words", WHOLE_WORDS).await;
    }
    page.dark(false).await;
    assert_eq!(page.complaints().await, Vec::<String>::new());
    load.abort();
    page.quit().await;
}

#[tokio::test]
async fn the_page_shows_no_number_of_before_in_an_outage() {
    let server = RedisServer::start();
    let config = CacheConfig::default()
        .namespace(unique_namespace())
        .redis_url(server.url())
        .redis_health_check_interval(Duration::from_millis(50));
    let namespace = config.namespace.clone();
    let manager = CacheManager::connect(config).await.unwrap();
    let url = serve(&manager).await;
    let page = Browser::start().await;
    page.goto(&url).await;
    page.wait_for("the dialog", ASKED).await;
    page.fill("#key", KEY).await;
    page.keys("#key", ENTER).await;
    page.wait_for_text("#redis", "s").await;
    page.wait_for_text("#source", &format!("namespace {namespace} · Redis at redis://")).await;

    server.kill();
    page.wait_for_text("#redis", "–").await;
    page.wait_for_text("#status", "degraded").await;
    page.wait_for_text("#events", "redis lost").await;
    // Frequent events do not push it out.
    for id in 0..300 {
        manager.invalidate_tag(&format!("many:{id}")).await.unwrap();
    }
    page.wait_for_text("#events", "many:299").await;
    page.wait_for_text("#events", "redis lost").await;
    page.screenshot("page-outage").await;
    page.quit().await;
}
