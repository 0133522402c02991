//! A service that runs on a free port.

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use cache_admin::AdminConfig;
use cache_example_service::analysis::Analyst;
use cache_example_service::db::Db;
use cache_example_service::load::Target;
use cache_example_service::routes::App;
use cache_example_service::service::router;
use cache_runtime::{CacheManager, Clock, with};
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Running {
    pub(crate) target: Target,
    pub(crate) clock: Clock,
    pub(crate) analyst: Analyst,
    client: Client,
    served: JoinHandle<()>,
}

/// An answer: its status, its kind, and its body if that is JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    kind: String,
    pub(crate) body: Value,
}

/// The parts of a service, with a cache of its own.
pub(crate) struct Parts {
    pub(crate) router: Router,
    pub(crate) listener: TcpListener,
    pub(crate) target: Target,
    pub(crate) clock: Clock,
    pub(crate) analyst: Analyst,
}

impl Parts {
    pub(crate) async fn new(admin: AdminConfig) -> Parts {
        let clock = Clock::mock();
        let manager = CacheManager::builder().clock(clock.clone()).build().unwrap();
        let analyst = Analyst::new(Duration::from_millis(50));
        let app = App { db: Db::open(None).await.unwrap(), analyst: analyst.clone() };
        // A program has one cache, which it installs. Here each test has its own: requests are
        // answered in tasks of the server, so the scope is put around each of them.
        let scope = manager.clone();
        let scoped = move |request: Request, next: Next| {
            let scope = scope.clone();
            async move { with(&scope, next.run(request)).await }
        };
        let router = router(app, manager, admin).layer(from_fn(scoped));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::of(listener.local_addr().unwrap());
        Parts { router, listener, target, clock, analyst }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Running {
    /// Everybody may look at the cache. Its time stands still.
    pub(crate) async fn start() -> Running {
        Self::with_admin(AdminConfig::default().public_reads(true)).await
    }

    pub(crate) async fn with_admin(admin: AdminConfig) -> Running {
        let Parts { router, listener, target, clock, analyst } = Parts::new(admin).await;
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Running { target, clock, analyst, client: Client::new(), served }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.target))
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        answer(self.request(method, path).json(&body)).await
    }

    /// Returns the number of loads under a prefix so far, and the number of calls that got a stored
    /// value.
    pub(crate) async fn loads_and_hits(&self, prefix: &str) -> (u64, u64) {
        let stats = self.get("/cache/stats").await;
        let counts = &stats.ok()["prefixes"][prefix];
        let count = |name: &str| counts[name].as_u64().unwrap_or(0);
        (count("loads"), count("hits"))
    }
}

pub(crate) async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, kind: kind.unwrap_or_default(), body }
}

impl Answer {
    /// Asserts that the request has succeeded, and returns its body.
    #[track_caller]
    pub(crate) fn ok(&self) -> &Value {
        assert!((200..300).contains(&self.status), "{self:?}");
        &self.body
    }

    /// Asserts that it is a refusal with this status, as problem details, and gives the reason.
    #[track_caller]
    pub(crate) fn refusal(&self, status: u16) -> &str {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        self.body["detail"].as_str().unwrap()
    }
}
