//! The manager of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use once_cell::sync::OnceCell;

use super::{CacheManager, connected, scope};
use crate::config::CacheConfig;
use crate::error::Error;
use crate::support::clock::Clock;
use crate::tiers::core::Core;

static GLOBAL: OnceCell<Global> = OnceCell::new();

struct Global {
    manager: CacheManager,
    /// True if the manager was installed; false if it was made from the environment.
    installed: bool,
}

/// Makes `manager` the manager of the process, which annotated functions use outside of a
/// [scope](crate::with). Call it at the start of the program.
///
/// Otherwise, the first use creates one [from the environment](CacheConfig::from_env).
///
/// # Errors
/// [`Error::AlreadyInstalled`] if one is installed already; [`Error::UsedBeforeInstall`] if the first use has
/// created one from the environment.
pub fn install(manager: CacheManager) -> Result<(), Error> {
    connected::note_use();
    match GLOBAL.try_insert(Global { manager, installed: true }) {
        Ok(_) => Ok(()),
        Err((Global { installed: true, .. }, _)) => Err(Error::AlreadyInstalled),
        Err((Global { installed: false, .. }, _)) => Err(Error::UsedBeforeInstall),
    }
}

/// Notes that a manager was connected: it will be installed, or used as a scope.
pub(super) fn note_connected() {
    match GLOBAL.get() {
        None => connected::note(),
        Some(Global { installed: false, .. }) if scope::current().is_none() => say_too_late(),
        Some(_) => {}
    }
}

/// Warns once that it is too late for a manager to become that of the process.
fn say_too_late() {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    if !IS_SAID.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "a cache manager was connected after the first use of the cache had created one from the environment: \
             annotated functions keep using that one, and use the new one only in `cache_runtime::with`, or if their \
             attributes name it (`manager = ..`). Connect and call `cache_runtime::install` at the start of the program"
        );
    }
}

/// Returns the manager in use here: that of the innermost [scope](crate::with), or that of the process.
///
/// If the environment has an invalid value, the error is logged, and the memory store with the default
/// settings is used, as in annotated functions; [`try_cache`] returns the error.
pub fn cache() -> CacheManager {
    scope::current().unwrap_or_else(|| global_manager().clone())
}

/// Returns the manager in use here, or the error in the environment from which it would be made.
///
/// # Errors
/// [`Error::Config`], which names the variable, its value and the accepted values.
pub fn try_cache() -> Result<CacheManager, Error> {
    match scope::current() {
        Some(manager) => Ok(manager),
        None => GLOBAL.get_or_try_init(from_env).map(|global| global.manager.clone()),
    }
}

/// Returns the core in use here.
pub(crate) fn current() -> Arc<Core> {
    match scope::current() {
        Some(manager) => Arc::clone(manager.core()),
        None => Arc::clone(global()),
    }
}

/// Returns the core of the process's manager.
pub(crate) fn global() -> &'static Arc<Core> {
    global_manager().core()
}

fn global_manager() -> &'static CacheManager {
    let global = GLOBAL.get_or_init(|| {
        from_env().unwrap_or_else(|error| {
            tracing::error!(
                error = format!("{error:#}"),
                "the configuration of the cache is invalid; caching in memory with the defaults"
            );
            Global { manager: in_memory(), installed: false }
        })
    });
    &global.manager
}

fn from_env() -> Result<Global, Error> {
    let manager = CacheManager::new(CacheConfig::from_env()?, Clock::default())?;
    if connected::is_in_vain() {
        tracing::warn!(
            "a cache manager was connected, but neither installed nor used in a scope or by an attribute: annotated \
             functions use another one, created from the environment. Call `cache_runtime::install` before the first of \
             them, run them in `cache_runtime::with`, or name the manager in their attributes (`manager = ..`)"
        );
    }
    Ok(Global { manager, installed: false })
}

fn in_memory() -> CacheManager {
    let defaults = CacheManager::new(CacheConfig::default(), Clock::default());
    #[allow(clippy::expect_used, reason = "a test builds a manager from the defaults")]
    defaults.expect("the default configuration is valid")
}
