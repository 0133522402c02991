//! The handlers of the routes.

pub(crate) mod change;
pub(crate) mod look;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::Response;

use crate::problem::Problem;

pub(crate) async fn nothing_here(method: Method, uri: Uri) -> Problem {
    Problem::not_found(format!("there is no {method} {}", uri.path()))
}

pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Problem {
    let detail = format!(
        "{} does not support {method}; the header `Allow` lists the supported methods",
        uri.path()
    );
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// Keeps a response out of intermediate caches, unless it has its own `Cache-Control`.
pub(crate) async fn not_stored(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

/// The last parameter of the path: a name, a prefix, a tag or a function.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|rejection| {
            let given = parts.uri.path();
            let reason = rejection.body_text();
            let detail = format!("{given}: {reason}; expected UTF-8 in percent-encoding");
            Problem::bad_request(detail)
        })?;
        let last = params.iter().last().map(|(_, value)| value.to_owned());
        Ok(Named(last.unwrap_or_default()))
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Problem::new(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Problem::new(rejection.status(), rejection.body_text())
    }
}
