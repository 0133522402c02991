use reqwest::Method;
use serde_json::json;

use crate::running::Running;

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_the_reason() {
    let service = Running::start().await;
    for (path, status, reason) in [
        ("/videos/seven", 400, "Cannot parse `seven` to a `i64`"),
        ("/videos/0", 404, "there is no video 0"),
        ("/videos", 400, "missing field `search`"),
        ("/videos?search=%20", 422, "`search` is empty"),
        ("/videos?search=river&page=1001", 422, "`page` is 1001; the last one is 1000"),
        ("/channels/cats/videos?page=-1", 400, "page: invalid digit"),
        ("/nowhere", 404, "`GET /` lists what there is"),
    ] {
        let answer = service.get(path).await;
        let refusal = answer.refusal(status);
        assert!(refusal.contains(reason), "{path}: {refusal}");
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_with_the_reason() {
    let service = Running::start().await;
    let long = "x".repeat(201);
    for (method, path, body, status, reason) in [
        (Method::POST, "/videos", json!({ "channel": "cats" }), 422, "missing field `title`"),
        (Method::PATCH, "/videos/1", json!({ "title": " " }), 422, "`title` is empty"),
        (Method::PATCH, "/videos/1", json!({ "title": long }), 422, "201 characters; at most 200"),
        (Method::POST, "/videos/1/comments", json!([1]), 422, "Failed to deserialize"),
        (Method::PUT, "/videos/1", json!({}), 405, "cannot be done"),
    ] {
        let answer = service.send(method.clone(), path, body).await;
        let refusal = answer.refusal(status);
        assert!(refusal.contains(reason), "{method} {path}: {refusal}");
    }
    let no_json = service.request(Method::PATCH, "/videos/1").body("title=x");
    let answer = crate::running::answer(no_json).await;
    assert!(answer.refusal(415).contains("application/json"));
    assert_ne!(service.get("/videos/1").await.ok()["title"], "");
}
