//! A list page whose items are the entries of the single page.

use cache_admin::{AdminConfig, AdminKey};
use reqwest::Method;
use serde_json::json;

use crate::running::{Running, answer};

const KEY: &str = "the key of these tests";

/// The counters of the videos: bodies of many keys, the keys that these have loaded, all bodies.
async fn counts(service: &Running) -> [u64; 3] {
    let stats = service.get("/cache/stats").await;
    let video = &stats.ok()["prefixes"]["video"];
    ["batches", "batch_keys", "loads"].map(|name| video[name].as_u64().unwrap())
}

#[tokio::test]
async fn a_cold_list_loads_its_videos_with_one_body_and_a_single_page_is_a_hit() {
    let service = Running::start().await;
    let list = service.get("/newest").await;
    let videos = list.ok().as_array().unwrap();
    let ids: Vec<_> = videos.iter().map(|video| video["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (481..=500).rev().collect::<Vec<_>>());
    assert_eq!(counts(&service).await, [1, 20, 1]);

    let single = service.get("/videos/490").await;
    assert_eq!(single.ok(), &videos[10]);
    assert_eq!(counts(&service).await, [1, 20, 1]);
    assert_eq!(service.loads_and_hits("video").await, (1, 1));
}

#[tokio::test]
async fn a_list_loads_only_the_videos_that_no_page_has_loaded() {
    let service = Running::start().await;
    service.get("/videos/490").await.ok();
    service.get("/videos/500").await.ok();
    service.get("/newest").await.ok();
    assert_eq!(counts(&service).await, [1, 18, 3]);
    service.get("/newest").await.ok();
    assert_eq!(counts(&service).await, [1, 18, 3]);
}

#[tokio::test]
async fn after_an_invalidation_of_one_video_a_list_loads_that_one() {
    let admin = AdminConfig::default().public_reads(true).key(AdminKey::new(KEY).unwrap());
    let service = Running::with_admin(admin).await;
    let before = service.get("/newest").await;
    let delete = service.request(Method::DELETE, "/cache/entries/video:490");
    answer(delete.header("x-cache-admin-key", KEY)).await.ok();
    assert_eq!(service.get("/newest").await.ok(), before.ok());
    assert_eq!(counts(&service).await, [2, 21, 2]);
    assert_eq!(service.loads_and_hits("newest").await, (1, 1));
}

#[tokio::test]
async fn a_new_title_shows_in_a_list_whose_ids_stay() {
    let service = Running::start().await;
    service.get("/newest").await.ok();
    let title = json!({ "title": "A yellow submarine" });
    service.send(Method::PATCH, "/videos/490", title).await.ok();
    let list = service.get("/newest").await;
    assert_eq!(list.ok()[10]["title"], "A yellow submarine");
    // The answer to the change has loaded the video, so the list has not.
    assert_eq!(counts(&service).await, [1, 20, 2]);
    assert_eq!(service.loads_and_hits("newest").await, (1, 1));
}

#[tokio::test]
async fn after_a_video_is_deleted_a_list_loads_the_one_that_takes_its_place() {
    let service = Running::start().await;
    service.get("/newest").await.ok();
    assert_eq!(service.send(Method::DELETE, "/videos/490", json!({})).await.status, 204);
    let list = service.get("/newest").await;
    let videos = list.ok().as_array().unwrap();
    assert!(videos.iter().all(|video| video["id"] != 490), "{videos:?}");
    assert_eq!((videos.len(), &videos[19]["id"]), (20, &json!(480)));
    assert_eq!(counts(&service).await, [2, 21, 2]);
}

#[tokio::test]
async fn a_view_shows_in_a_list_and_nothing_is_loaded_again() {
    let service = Running::start().await;
    let before = service.get("/newest").await.ok()[0]["views"].as_i64().unwrap();
    service.send(Method::POST, "/videos/500/views", json!({})).await.ok();
    assert_eq!(service.get("/newest").await.ok()[0]["views"], before + 1);
    assert_eq!(counts(&service).await, [1, 20, 1]);
}
