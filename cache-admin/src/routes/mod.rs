//! What each route does.

pub(crate) mod change;
pub(crate) mod look;

use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{Method, Uri};

use crate::problem::Problem;

pub(crate) async fn nothing_here(method: Method, uri: Uri) -> Problem {
    Problem::not_found(format!("there is no {method} {}", uri.path()))
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
