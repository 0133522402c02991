//! The process's own manager.

use std::sync::Arc;

use once_cell::sync::OnceCell;

use super::CacheManager;
use crate::config::CacheConfig;
use crate::core::Core;
use crate::error::Error;
use crate::scope;

static GLOBAL: OnceCell<CacheManager> = OnceCell::new();

/// Makes `manager` the process's own: what annotated functions use outside of a
/// [scope](crate::with). To be called at the start of the program.
///
/// Without it the first use makes one [from the environment](CacheConfig::from_env).
///
/// # Errors
/// [`Error::AlreadyInstalled`] if there is one already, installed or made.
pub fn install(manager: CacheManager) -> Result<(), Error> {
    GLOBAL.set(manager).map_err(|_| Error::AlreadyInstalled)
}

/// The manager in use here: the innermost [scope's](crate::with), or the process's own.
///
/// If the environment holds a bad value, this says so in an error event and goes on with the
/// memory store and the default settings, as annotated functions do; [`try_cache`] returns the
/// error.
pub fn cache() -> CacheManager {
    scope::current().unwrap_or_else(|| global_manager().clone())
}

/// The manager in use here, or what is wrong with the environment it would be made from.
///
/// # Errors
/// [`Error::Config`], naming the variable, its value and what is accepted.
pub fn try_cache() -> Result<CacheManager, Error> {
    match scope::current() {
        Some(manager) => Ok(manager),
        None => GLOBAL.get_or_try_init(from_env).cloned(),
    }
}

/// The core in use here.
pub(crate) fn current() -> Arc<Core> {
    match scope::current() {
        Some(manager) => Arc::clone(manager.core()),
        None => Arc::clone(global()),
    }
}

pub(crate) fn global() -> &'static Arc<Core> {
    global_manager().core()
}

fn global_manager() -> &'static CacheManager {
    GLOBAL.get_or_init(|| {
        from_env().unwrap_or_else(|error| {
            tracing::error!(%error, "the cache's configuration cannot be used; going on in memory, with defaults");
            in_memory()
        })
    })
}

fn from_env() -> Result<CacheManager, Error> {
    CacheManager::builder().config(CacheConfig::from_env()?).build()
}

fn in_memory() -> CacheManager {
    let defaults = CacheManager::builder().build();
    #[allow(clippy::expect_used, reason = "a test builds a manager from the defaults")]
    defaults.expect("the default configuration is valid")
}
