//! The gates of one cache.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::gate::Gate;
use super::lending::lend;
use super::limits::SiteLimits;
use crate::config::SourceLimit;
use crate::site::Instance;
use crate::stats::GateStats;
use crate::support::lock::RwLock;

/// The gates of one cache.
#[derive(Debug)]
pub(crate) struct Gates {
    sources: BTreeMap<String, Arc<Gate>>,
    /// The limits of the functions that have been called, by the address of the instance.
    functions: RwLock<HashMap<usize, Arc<SiteLimits>>>,
    /// The gates of `max_loads`, by the name of the function and the address of the instance.
    own: RwLock<BTreeMap<(&'static str, usize), Arc<Gate>>>,
    /// True once there is a gate.
    is_used: AtomicBool,
}

impl Gates {
    pub(crate) fn new(sources: &BTreeMap<String, SourceLimit>) -> Self {
        let gate = |(name, limit): (&String, &SourceLimit)| {
            (name.clone(), Gate::new(name.clone(), limit.max_loads, limit.breaker))
        };
        let is_used = AtomicBool::new(!sources.is_empty());
        let sources = sources.iter().map(gate).collect();
        Gates { sources, functions: RwLock::default(), own: RwLock::default(), is_used }
    }

    /// Returns the limits of a function; `None` if it has none.
    pub(crate) fn of(&self, instance: &'static Instance) -> Option<Arc<SiteLimits>> {
        let spec = instance.spec;
        if spec.source.is_none() && spec.max_loads.is_none() {
            return None;
        }
        let key = std::ptr::from_ref(instance).addr();
        if let Some(limits) = self.functions.read().get(&key) {
            return Some(Arc::clone(limits));
        }
        let own = spec.max_loads.map(|limit| self.own((instance.label(), key), limit));
        let source = spec.source.and_then(|name| self.sources.get(name).cloned());
        let gates: Vec<_> = own.into_iter().chain(source).collect();
        if gates.is_empty() {
            return None;
        }
        let mut functions = self.functions.write();
        let limits = functions.entry(key).or_insert_with(|| Arc::new(SiteLimits::new(gates)));
        Some(Arc::clone(limits))
    }

    fn own(&self, function: (&'static str, usize), limit: u64) -> Arc<Gate> {
        self.is_used.store(true, Ordering::Relaxed);
        let limit = u32::try_from(limit).unwrap_or(u32::MAX).max(1);
        let mut own = self.own.write();
        let gate = || Gate::new(function.0.to_owned(), limit, false);
        Arc::clone(own.entry(function).or_insert_with(gate))
    }

    /// Lends permits of bodies that have begun to wait: see [`lending`](super::lending).
    pub(crate) fn lend(&self) {
        if !self.is_used.load(Ordering::Relaxed) {
            return;
        }
        self.sources.values().for_each(lend);
        let own: Vec<_> = self.own.read().values().cloned().collect();
        own.iter().for_each(lend);
    }

    /// Returns the statistics of the sources, and then those of the functions with a limit of their own.
    pub(crate) fn stats(&self) -> (Vec<GateStats>, Vec<GateStats>) {
        let sources = self.sources.values().map(|gate| gate.stats()).collect();
        (sources, self.own.read().values().map(|gate| gate.stats()).collect())
    }

    pub(crate) fn reset(&self) {
        self.sources.values().chain(self.own.read().values()).for_each(|gate| gate.reset());
    }
}
