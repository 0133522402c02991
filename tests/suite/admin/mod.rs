//! The admin endpoints, over HTTP.

mod access;
mod changing;
mod grafana;
mod hostile;
mod metrics;
mod otel;
mod reading;
mod shutdown;

use std::net::SocketAddr;

use axum::Router;
use cache_admin::{AdminConfig, AdminKey, router};
use cache_runtime::{CacheManager, cache_invalidate, cached};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::source::Source;

pub(crate) const KEY: &str = "the key of these tests";

#[cached(key_prefix = "admin", key = "{id}", tags = ["shelf:{id}"])]
async fn item(source: &Source, id: u64) -> u64 {
    _ = id;
    source.read().await
}

#[cache_invalidate(prefix = "admin:{id}")]
async fn change(id: u64) {
    _ = id;
}

/// Returns the path of [`item`].
fn item_path() -> String {
    format!("{}::item", module_path!())
}

/// The endpoints of a cache, nested in a service that is served on a free port.
pub(crate) struct Admin {
    address: SocketAddr,
    pub(crate) client: Client,
    served: JoinHandle<()>,
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.served.abort();
    }
}

/// An answer: its status, and its body if that is JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    kind: String,
    body: Value,
}

impl Admin {
    async fn serve(manager: &CacheManager, config: AdminConfig) -> Admin {
        let service = Router::new().nest_service("/cache", router(manager.clone(), config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let served = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Admin { address, client: Client::new(), served }
    }

    /// With a key that is [`KEY`].
    pub(crate) async fn with_key(manager: &CacheManager) -> Admin {
        Self::serve(manager, with_key()).await
    }

    /// Returns the address of the endpoints.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/cache", self.address)
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url() + path)
    }

    async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path).header("x-cache-admin-key", KEY)).await
    }

    async fn post(&self, path: &str) -> Answer {
        answer(self.request(Method::POST, path).header("x-cache-admin-key", KEY)).await
    }

    async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path).header("x-cache-admin-key", KEY)).await
    }
}

fn with_key() -> AdminConfig {
    AdminConfig::default().key(AdminKey::new(KEY).unwrap())
}

pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Answer { status, kind: kind.unwrap_or_default(), body }
}

impl Answer {
    /// Asserts that it is a refusal with this status, as problem details, and gives the reason.
    #[track_caller]
    pub(crate) fn refusal(&self, status: u16) -> &str {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.kind, "application/problem+json", "{self:?}");
        assert_eq!(self.body["status"], status, "{self:?}");
        self.body["detail"].as_str().unwrap()
    }

    /// Asserts that it is what was requested.
    #[track_caller]
    fn ok(&self) -> &Value {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        &self.body
    }
}
