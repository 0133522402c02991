//! The command that shows how often the values of a program equal those of their sources.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::admin::{Endpoint, fetch};
use crate::args::AdminSource;
use crate::exit::{Exit, Failure};
use crate::output::{Output, printable};

const NONE: &str = "no hit has been verified; `verify = \"1m\"` at a function or CACHE_VERIFY=1m in the program does that";

/// The part of the statistics that is shown.
#[derive(Deserialize)]
struct Response {
    sites: Vec<Verified>,
}

/// The results of one function.
#[derive(Deserialize, Serialize)]
struct Verified {
    name: String,
    verified_consistent: u64,
    verified_inconsistent: u64,
    verified_raced: u64,
    verified_unstable: u64,
    verified_failed: u64,
}

impl Verified {
    /// Returns the number of hits with a result.
    fn compared(&self) -> u64 {
        self.verified_consistent.saturating_add(self.verified_inconsistent)
    }

    fn has_any(&self) -> bool {
        let others = [self.verified_raced, self.verified_unstable, self.verified_failed];
        self.compared() > 0 || others.iter().any(|count| *count > 0)
    }

    /// Returns the percentage of equal values, rounded down: 100 means that no difference was found.
    fn consistency(&self) -> String {
        let (equal, of) = (u128::from(self.verified_consistent), u128::from(self.compared()));
        match (equal * 10_000).checked_div(of) {
            Some(parts) => format!("{}.{:02} %", parts / 100, parts % 100),
            None => "-".to_owned(),
        }
    }
}

/// Returns [`Exit::No`] if a value was inconsistent.
pub(crate) fn verify(
    out: &mut Output,
    source: &AdminSource,
    patience: Duration,
) -> Result<Exit, Failure> {
    let endpoint = Endpoint { command: "verify", route: "/stats" };
    let response: Response = serde_json::from_str(&fetch(&source.admin, endpoint, patience)?)
        .map_err(|error| endpoint.unreadable(&error.to_string()))?;
    let mut sites: Vec<_> = response.sites.into_iter().filter(Verified::has_any).collect();
    sites.sort_by_key(|site| std::cmp::Reverse(site.verified_inconsistent));
    out.answer(&sites, table(&sites))?;
    let is_consistent = sites.iter().all(|site| site.verified_inconsistent == 0);
    Ok(if is_consistent { Exit::Done } else { Exit::No })
}

fn table(sites: &[Verified]) -> String {
    if sites.is_empty() {
        return NONE.to_owned();
    }
    let titles = ["consistency", "compared", "inconsistent", "raced", "unstable", "failed"];
    let [a, b, c, d, e, f] = titles;
    let mut text = format!("{a:>11} {b:>9} {c:>13} {d:>8} {e:>9} {f:>7}  function");
    for site in sites {
        let [compared, inconsistent] = [site.compared(), site.verified_inconsistent];
        let (consistency, name) = (site.consistency(), printable(&site.name));
        let Verified { verified_raced, verified_unstable, verified_failed, .. } = site;
        let _ = write!(
            text,
            "\n{consistency:>11} {compared:>9} {inconsistent:>13} {verified_raced:>8} {verified_unstable:>9} {verified_failed:>7}  {name}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified(consistent: u64, inconsistent: u64, failed: u64) -> Verified {
        Verified {
            name: "shop::price".to_owned(),
            verified_consistent: consistent,
            verified_inconsistent: inconsistent,
            verified_raced: 0,
            verified_unstable: 0,
            verified_failed: failed,
        }
    }

    #[test]
    fn a_difference_is_not_rounded_to_none() {
        for (consistent, inconsistent, text) in [
            (0, 0, "-"),
            (12, 0, "100.00 %"),
            (9_997, 3, "99.97 %"),
            (999_999, 1, "99.99 %"),
            (0, 1, "0.00 %"),
        ] {
            assert_eq!(verified(consistent, inconsistent, 0).consistency(), text);
        }
    }

    #[test]
    fn functions_without_verifications_are_left_out() {
        assert!(!verified(0, 0, 0).has_any());
        assert!(verified(0, 0, 1).has_any());
        assert_eq!(table(&[]), NONE);
        let text = table(&[verified(3, 1, 0)]);
        assert!(text.contains("75.00 %") && text.ends_with("  shop::price"), "{text}");
    }
}
