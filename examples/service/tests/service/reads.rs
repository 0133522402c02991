use std::time::Duration;

use cache_example_service::db::Db;
use tempfile::TempDir;

use crate::running::Running;

#[tokio::test]
async fn a_second_read_is_a_hit() {
    let service = Running::start().await;
    let first = service.get("/videos/7").await;
    assert_eq!(service.loads_and_hits("video").await, (1, 0));
    let second = service.get("/videos/7").await;
    assert_eq!(service.loads_and_hits("video").await, (1, 1));
    assert_eq!(first.ok()["id"], 7);
    assert_eq!(first.ok(), second.ok());
}

#[tokio::test]
async fn one_search_has_one_spelling() {
    let service = Running::start().await;
    let found = service.get("/videos?search=River").await;
    let again = service.get("/videos?search=%20rIVER%20&page=0").await;
    assert_eq!(found.ok(), again.ok());
    assert_eq!(service.loads_and_hits("search").await, (1, 1));
    let titles = found.ok().as_array().unwrap();
    assert_eq!(titles.len(), 20);
    assert!(titles.iter().all(|video| video["title"].as_str().unwrap().contains("river")));
}

#[tokio::test]
async fn pages_follow_one_another() {
    let service = Running::start().await;
    let ids = |page: u32| {
        let service = &service;
        async move {
            let videos = service.get(&format!("/channels/cats/videos?page={page}")).await;
            let ids = videos.ok().as_array().unwrap().iter().map(|video| video["id"].as_i64());
            ids.collect::<Option<Vec<_>>>().unwrap()
        }
    };
    // Every eighth video of 500 is about cats.
    let expected: Vec<_> = (1..=500).step_by(8).collect();
    let found = [ids(0).await, ids(1).await, ids(2).await, ids(3).await, ids(4).await].concat();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn what_is_popular_may_be_a_minute_old_and_nobody_waits_for_it() {
    let service = Running::start().await;
    service.get("/popular").await.ok();
    service.clock.advance(Duration::from_secs(30));
    service.get("/popular").await.ok();
    let stats = service.get("/cache/stats").await;
    assert_eq!(stats.ok()["prefixes"]["popular"]["stale_served"], 1);
}

#[tokio::test]
async fn processes_that_open_a_new_database_at_once_fill_it_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("videos.db");
    let opening: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            tokio::spawn(async move { Db::open(Some(&path)).await.map_err(|e| e.to_string()) })
        })
        .collect();
    let mut ids = Vec::new();
    for opened in opening {
        let db = opened.await.unwrap().unwrap();
        let sql = "SELECT count(*) FROM video";
        let videos: i64 = db.read(|db| db.query_row(sql, [], |row| row.get(0))).await.unwrap();
        assert_eq!(videos, 500);
        ids.push(db.id().to_owned());
    }
    assert!(ids.iter().all(|id| *id == ids[0] && id.len() == 12), "{ids:?}");
}

#[tokio::test]
async fn who_reads_cannot_write() {
    let db = Db::open(None).await.unwrap();
    let refusal = db.read(|db| db.execute("DELETE FROM video", [])).await.unwrap_err();
    assert!(refusal.to_string().contains("readonly"), "{refusal}");
}

#[tokio::test]
async fn a_query_that_panics_is_an_error_and_the_next_one_is_not() {
    let db = Db::open(None).await.unwrap();
    for _ in 0..10 {
        let outcome: Result<(), _> = db.write(|_| panic!("in a query")).await;
        assert_eq!(outcome.unwrap_err().to_string(), "the query was stopped");
    }
    assert_eq!(db.write(|db| db.execute("DELETE FROM comment", [])).await.unwrap(), 499);
}
