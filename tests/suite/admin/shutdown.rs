//! The service ends while a page is open.

use axum::Router;
use cache_admin::router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{KEY, with_key};
use crate::stores::{Store, TestCache, on_stores};

#[tokio::test]
async fn an_open_page_does_not_keep_the_service_from_ending() {
    on_stores(&[Store::Memory], async |cache: TestCache| {
        let service = Router::new().nest("/cache", router(cache.manager.clone(), with_key()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = oneshot::channel::<()>();
        let served = axum::serve(listener, service).with_graceful_shutdown(async {
            let _ = ended.await;
        });
        let served = tokio::spawn(served.into_future());

        let live = format!("http://{address}/cache/live");
        let page = reqwest::Client::new().get(live).header("x-cache-admin-key", KEY);
        let mut page = page.send().await.unwrap();
        assert_eq!(page.headers()["cache-control"], "no-store");
        let first = page.chunk().await.unwrap().unwrap();
        assert!(first.starts_with(b"data:"), "{first:?}");
        end.send(()).unwrap();

        let mut rest = String::new();
        while let Some(chunk) = page.chunk().await.unwrap() {
            rest += std::str::from_utf8(&chunk).unwrap();
            assert!(rest.matches("data:").count() < 10, "the stream goes on");
        }
        served.await.unwrap().unwrap();
    })
    .await;
}
