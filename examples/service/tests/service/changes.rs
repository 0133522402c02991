//! Changes that show at once, and unchanged values that are still served from the cache.

use reqwest::Method;
use serde_json::json;

use crate::running::Running;

/// One that is about cats, of which there are 63: page 0 lists it.
const CAT: &str = "/videos/9";

#[tokio::test]
async fn a_new_title_shows_everywhere() {
    let service = Running::start().await;
    let lists = ["/channels/cats/videos", "/videos?search=submarine"];
    service.get(CAT).await.ok();
    for list in lists {
        assert!(!service.get(list).await.ok().to_string().contains("submarine"));
    }
    let title = json!({ "title": "A yellow submarine" });
    let renamed = service.send(Method::PATCH, CAT, title).await;
    assert_eq!(renamed.ok()["title"], "A yellow submarine");
    assert_eq!(service.get(CAT).await.ok()["title"], "A yellow submarine");
    for list in lists {
        assert!(service.get(list).await.ok().to_string().contains("A yellow submarine"), "{list}");
    }
}

#[tokio::test]
async fn a_new_title_leaves_other_videos_channels_and_all_comments() {
    let service = Running::start().await;
    let others = ["/videos/10", "/channels/music/videos", "/videos/9/comments"];
    for other in others {
        service.get(other).await.ok();
    }
    service.send(Method::PATCH, CAT, json!({ "title": "Renamed" })).await.ok();
    service.get(CAT).await.ok();
    let loads = |service: Running| async move {
        let (videos, lists) = ("video", "list");
        let before =
            (service.loads_and_hits(videos).await.0, service.loads_and_hits(lists).await.0);
        for other in others {
            service.get(other).await.ok();
        }
        let after = (service.loads_and_hits(videos).await.0, service.loads_and_hits(lists).await.0);
        (before, after)
    };
    let (before, after) = loads(service).await;
    assert_eq!(before, after);
}

#[tokio::test]
async fn titles_that_are_renamed_together_show_together_or_not_at_all() {
    let service = Running::start().await;
    let (list, others) = ("/channels/cats/videos", "/channels/music/videos");
    for path in [CAT, list, others] {
        service.get(path).await.ok();
    }
    let loads =
        async || (service.loads_and_hits("video").await.0, service.loads_and_hits("list").await.0);
    let before = loads().await;

    // Number 10 is in another channel, so number 9 is not renamed either, and stays cached.
    let titles = json!({ "9": "First", "10": "Second" });
    let refused = service.send(Method::PATCH, list, titles).await;
    assert!(refused.refusal(404).contains("10"));
    assert_ne!(service.get(CAT).await.ok()["title"], "First");
    service.get(list).await.ok();
    assert_eq!(loads().await, before, "nothing was invalidated");

    let titles = json!({ "9": "First", "17": "Second" });
    let renamed = service.send(Method::PATCH, list, titles).await;
    assert_eq!(renamed.status, 204);
    assert_eq!(service.get(CAT).await.ok()["title"], "First");
    let listed = service.get(list).await.ok().to_string();
    assert!(listed.contains("First") && listed.contains("Second"), "{listed}");
    service.get(others).await.ok();
    assert_eq!(loads().await, (before.0 + 1, before.1 + 1), "the other channel stays cached");
}

#[tokio::test]
async fn a_view_is_put_in_place_and_no_list_is_loaded_again() {
    let service = Running::start().await;
    let views = service.get(CAT).await.ok()["views"].as_i64().unwrap();
    service.get("/channels/cats/videos").await.ok();
    let counted = service.send(Method::POST, &format!("{CAT}/views"), json!({})).await;
    assert_eq!(counted.ok()["views"], views + 1);
    assert_eq!(service.get(CAT).await.ok()["views"], views + 1);
    service.get("/channels/cats/videos").await.ok();
    assert_eq!(service.loads_and_hits("video").await, (1, 1));
    assert_eq!(service.loads_and_hits("list").await, (1, 1));
}

#[tokio::test]
async fn a_comment_shows_and_leaves_the_video() {
    let service = Running::start().await;
    let path = format!("{CAT}/comments");
    let before = service.get(&path).await.ok().as_array().unwrap().len();
    let comment = json!({ "author": "Grace", "text": "A moth!" });
    assert_eq!(service.send(Method::POST, &path, comment).await.status, 201);
    let comments = service.get(&path).await;
    let comments = comments.ok().as_array().unwrap();
    assert_eq!(comments.len(), before + 1);
    assert_eq!(comments.last().unwrap()["text"], "A moth!");
    // The video once, its comments twice.
    assert_eq!(service.loads_and_hits("video").await.0, 3);
}

#[tokio::test]
async fn a_deleted_video_is_gone_with_its_comments() {
    let service = Running::start().await;
    for path in [CAT, "/videos/9/comments", "/channels/cats/videos", "/videos/10"] {
        service.get(path).await.ok();
    }
    assert_eq!(service.send(Method::DELETE, CAT, json!({})).await.status, 204);
    assert_eq!(service.get(CAT).await.refusal(404), "there is no video 9");
    assert_eq!(service.get("/videos/9/comments").await.refusal(404), "there is no video 9");
    let list = service.get("/channels/cats/videos").await;
    assert!(list.ok().as_array().unwrap().iter().all(|video| video["id"] != 9));
    let before = service.loads_and_hits("video").await;
    service.get("/videos/10").await.ok();
    assert_eq!(service.loads_and_hits("video").await, (before.0, before.1 + 1));
}

#[tokio::test]
async fn a_video_that_was_asked_for_too_early_is_found_once_it_is_there() {
    let service = Running::start().await;
    assert_eq!(service.get("/videos/501").await.refusal(404), "there is no video 501");
    service.get("/channels/cats/videos?page=3").await.ok();
    let video = json!({ "channel": "cats", "title": "The newest" });
    let added = service.send(Method::POST, "/videos", video).await;
    assert_eq!((added.status, &added.body["id"]), (201, &json!(501)));
    assert_eq!(service.get("/videos/501").await.ok()["title"], "The newest");
    let list = service.get("/channels/cats/videos?page=3").await;
    assert!(list.ok().to_string().contains("The newest"));
}

#[tokio::test]
async fn a_change_of_what_is_not_there_invalidates_nothing() {
    let service = Running::start().await;
    service.get("/videos?search=river").await.ok();
    let nobody = service.send(Method::PATCH, "/videos/900", json!({ "title": "Nobody" })).await;
    assert_eq!(nobody.refusal(404), "there is no video 900");
    assert_eq!(service.send(Method::POST, "/videos/900/views", json!({})).await.status, 404);
    service.get("/videos?search=river").await.ok();
    assert_eq!(service.loads_and_hits("search").await, (1, 1));
}
