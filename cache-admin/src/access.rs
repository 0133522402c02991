//! Identifies the access of a request, and checks its rights.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::admin::Admin;
use crate::problem::Problem;

/// The header that carries the key. `Authorization: Bearer` also carries it.
const KEY_HEADER: &str = "x-cache-admin-key";

/// The way in which a request has proved its right.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Access {
    /// By the key in [`KEY_HEADER`].
    KeyHeader,
    /// By the key as a bearer token.
    BearerKey,
}

impl Access {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Access::KeyHeader => "key in x-cache-admin-key",
            Access::BearerKey => "key in Authorization: Bearer",
        }
    }
}

/// Passes on requests with the right to read.
pub(crate) async fn readers(
    State(admin): State<Arc<Admin>>,
    request: Request,
    next: Next,
) -> Response {
    if admin.config.public_reads {
        return next.run(request).await;
    }
    keepers(State(admin), request, next).await
}

/// Passes on requests with the key.
pub(crate) async fn keepers(
    State(admin): State<Arc<Admin>>,
    mut request: Request,
    next: Next,
) -> Response {
    match admin.admit(request.headers()) {
        Ok(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

impl Admin {
    /// Checks that the request has the key.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<Access, Problem> {
        let Some(key) = &self.config.key else {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "no admin key is configured, so this is not allowed; set CACHE_ADMIN_KEY",
            ));
        };
        match given(headers) {
            Some((access, given)) if key.is(given) => Ok(access),
            Some(_) => Err(Problem::new(StatusCode::UNAUTHORIZED, "this is not the admin key")),
            None => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                format!(
                    "the admin key is missing; send it as `{KEY_HEADER}` or `Authorization: Bearer`"
                ),
            )),
        }
    }
}

fn given(headers: &HeaderMap) -> Option<(Access, &[u8])> {
    let bearer = || {
        let key = bearer(headers.get(header::AUTHORIZATION)?.as_bytes())?;
        Some((Access::BearerKey, key))
    };
    headers.get(KEY_HEADER).map(|key| (Access::KeyHeader, key.as_bytes())).or_else(bearer)
}

/// Returns the credentials under the scheme `Bearer`, in upper or lower case.
fn bearer(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = authorization.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| key.trim_ascii_start())
}
