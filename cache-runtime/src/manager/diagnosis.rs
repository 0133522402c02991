//! The faults of a cache, as the doctor reports them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::CacheManager;
use crate::error::REMEDY;
use crate::redis::Diagnostic;
use crate::support::runtime;
use crate::tiers::core::Core;

impl CacheManager {
    /// Checks everything that the cache needs from Redis, on a connection of its own, and suggests remedies:
    /// connection, version, role, eviction, latency, clock, permissions, feed. Names the functions of
    /// all processes whose values cannot be stored there. Returns an empty list without Redis. In mode
    /// [`off`](crate::Mode::Off), a warning comes first, with or without Redis.
    ///
    /// It sends about thirty commands, and writes a key of its own, which it removes. Other processes
    /// receive a notice without content.
    pub async fn diagnose(&self) -> Vec<Diagnostic> {
        let core = Arc::clone(self.core());
        let examined = async move {
            let mut diagnostics = Vec::from_iter(core.is_off().then(off));
            let Some(redis) = &core.redis else { return diagnostics };
            diagnostics.extend(redis.diagnose().await);
            diagnostics.extend(core.diagnose_values().await);
            diagnostics
        };
        runtime::run(examined).await.unwrap_or_default()
    }
}

/// Reports that the cache is off.
fn off() -> Diagnostic {
    let found = "the mode is `off`: each call runs its body, and nothing is read or stored";
    Diagnostic::warning("mode", found, "set CACHE_MODE to `auto` to cache again")
}

impl Core {
    /// Reports the functions whose values do not survive a round trip. Returns `None` if this process has
    /// none, and Redis cannot report those of other processes.
    async fn diagnose_values(&self) -> Option<Diagnostic> {
        const NAME: &str = "values";
        let here = self.losses.all();
        let all = self.fleet_stats().await;
        if here.is_empty() && all.is_none() {
            return None;
        }
        let named: BTreeSet<&str> = here.iter().map(|loss| loss.function).collect();
        let sites = all.iter().flat_map(|all| &all.sites);
        let elsewhere = sites.filter(|site| site.counts.lossy > 0 && !named.contains(&*site.name));
        let found: Vec<String> = here
            .iter()
            .map(|loss| format!("`{}` of {} ({})", loss.type_name, loss.function, loss.message))
            .chain(elsewhere.map(|site| format!("{} of {}", site.counts.lossy, site.name)))
            .collect();
        if found.is_empty() {
            return Some(Diagnostic::good(NAME, "Redis returns all values unchanged"));
        }
        let found = format!(
            "Redis would not return some values unchanged, so they are not stored: {}",
            found.join("; ")
        );
        Some(Diagnostic::warning(NAME, found, REMEDY))
    }
}
