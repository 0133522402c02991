use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::running::Running;

const DAY: Duration = Duration::from_secs(24 * 3600);

#[tokio::test]
async fn callers_who_come_together_pay_once() {
    let service = Running::start().await;
    let path = "/videos/3/analysis";
    let callers = (0..20).map(|_| tokio::spawn(service.request(Method::GET, path).send()));
    let mut answers = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        answers.push(caller.await.unwrap().unwrap().text().await.unwrap());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.contains("mood")));
    assert_eq!(service.analyst.calls(), 1);
}

#[tokio::test]
async fn the_statistics_say_what_was_saved() {
    let service = Running::start().await;
    for _ in 0..6 {
        service.get("/videos/3/analysis").await.ok();
    }
    let stats = service.get("/cache/stats").await;
    assert_eq!(stats.ok()["money_saved"], 0.01);
    assert!(stats.ok()["time_saved_seconds"].as_f64().unwrap() >= 5.0 * 0.05, "{stats:?}");
}

#[tokio::test]
async fn a_title_is_paid_for_once_whoever_has_it_when() {
    let service = Running::start().await;
    let titled = |title: &'static str| {
        let service = &service;
        async move {
            service.send(Method::PATCH, "/videos/3", json!({ "title": title })).await.ok();
            service.get("/videos/3/analysis").await.ok()["topics"].clone()
        }
    };
    assert_eq!(titled("Marvellous glaciers").await, json!(["marvellous", "glaciers"]));
    assert_eq!(titled("Tiny trains").await, json!(["trains", "tiny"]));
    assert_eq!(titled("Marvellous glaciers").await, json!(["marvellous", "glaciers"]));
    assert_eq!(service.analyst.calls(), 2);
}

#[tokio::test]
async fn while_the_api_is_down_an_old_answer_is_served() {
    let service = Running::start().await;
    let before = service.get("/videos/3/analysis").await;
    // Past the day in which it is fresh, and the week in which no caller waits.
    service.clock.advance(20 * DAY);
    service.analyst.set_down(true);
    let during = service.get("/videos/3/analysis").await;
    assert_eq!(before.ok(), during.ok());
    assert_eq!(service.analyst.calls(), 2);
    let other = service.get("/videos/4/analysis").await;
    assert_eq!(other.refusal(502), "the analysis API does not answer");
    service.analyst.set_down(false);
    service.get("/videos/4/analysis").await.ok();
}
