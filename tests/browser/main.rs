//! The admin page in a real browser: headless Chromium, driven by its WebDriver.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

mod browser;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use cache_admin::{AdminConfig, AdminKey, router};
use cache_runtime::{CacheManager, cached, with};
use tokio::net::TcpListener;

use browser::Browser;

const KEY: &str = "the key of this test";

static LOADS: AtomicU64 = AtomicU64::new(0);

#[cached(ttl = "10m", key_prefix = "page", key = "{id}", tags = ["shelf:{id}"])]
async fn item(id: u64) -> u64 {
    LOADS.fetch_add(1, Ordering::Relaxed);
    id
}

/// Waits until there were so many loads.
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

    // The key is asked for; a wrong one is refused, and said so.
    page.wait_for("the dialog", "return document.getElementById('ask').open").await;
    page.fill("#key", "not the key of this test").await;
    page.click("#yes").await;
    page.wait_for_text("#status", "this is not the admin key").await;
    page.wait_for("the dialog again", "return document.getElementById('ask').open").await;
    page.fill("#key", KEY).await;
    page.click("#yes").await;
    page.wait_for_text("#status", "healthy").await;

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
    let line =
        "return document.querySelector('#chart-requests path').getAttribute('d').length > 20";
    page.wait_for("a line in the chart", line).await;
    page.screenshot("page-light").await;

    // An invalidation from the page takes effect, and is among the events.
    assert_eq!(LOADS.load(Ordering::Relaxed), 10);
    page.fill("#which", "page").await;
    page.click("#invalidate button").await;
    page.click("#yes").await;
    page.wait_for_text("#outcome", "invalidated page").await;
    page.wait_for_text("#events", "invalidated names page; tags page").await;
    until_loaded(20).await;

    // What cannot be is refused with the reason.
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
    page.keys("#columns th:first-child button", "\u{e007}").await;
    let sorted = "return document.querySelector('#columns th').ariaSort == 'ascending'";
    page.wait_for("the order", sorted).await;

    page.dark(true).await;
    page.screenshot("page-dark").await;
    page.dark(false).await;
    page.resize(390, 844).await;
    page.screenshot("page-phone").await;
    let fits = "return document.documentElement.scrollWidth <= window.innerWidth";
    page.wait_for("a page as wide as the phone", fits).await;
    assert_eq!(page.complaints().await, Vec::<String>::new());
    load.abort();
    page.quit().await;
}
