//! The results of checks.

use serde::Serialize;

/// The result of one check: see [`CacheManager::diagnose`](crate::CacheManager::diagnose).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Diagnostic {
    /// The name of the check, in a word or two.
    pub name: &'static str,
    /// The severity of the result.
    pub severity: Severity,
    /// The finding.
    pub found: String,
    /// The remedy, if one is needed.
    pub advice: Option<String>,
}

/// The severity of the result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Severity {
    /// Nothing is wrong.
    Good,
    /// The cache works, but something may cause surprises.
    Warning,
    /// The cache cannot use this Redis, or not fully.
    Fault,
}

impl Diagnostic {
    pub(crate) fn good(name: &'static str, found: impl Into<String>) -> Self {
        Diagnostic { name, severity: Severity::Good, found: found.into(), advice: None }
    }

    pub(crate) fn warning(
        name: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Diagnostic {
            severity: Severity::Warning,
            advice: Some(advice.into()),
            ..Diagnostic::good(name, found)
        }
    }

    pub(super) fn fault(
        name: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Diagnostic {
            severity: Severity::Fault,
            advice: Some(advice.into()),
            ..Diagnostic::good(name, found)
        }
    }
}
