//! Errors as problem details: JSON that says what was wrong (RFC 9457).

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::analysis::Unavailable;
use crate::db::DbError;

/// The problem that a request is answered with.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
}

#[derive(Serialize)]
struct Body {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Problem { status, detail: detail.into() }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub(crate) fn no_video(id: i64) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no video {id}"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Problem { status, detail } = self;
        let title = status.canonical_reason().unwrap_or("Error");
        let body = Body { r#type: "about:blank", title, status: status.as_u16(), detail };
        let mut response = (status, Json(body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// Hides internal errors from the caller, and logs them.
impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        tracing::error!(%error, "a query failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the database cannot answer now")
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, error.to_string())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), rejection.body_text())
    }
}
