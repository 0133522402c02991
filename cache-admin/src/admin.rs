//! The state of the routes.

use cache_runtime::CacheManager;

use crate::config::AdminConfig;

/// The state that all routes share.
#[derive(Debug)]
pub(crate) struct Admin {
    pub(crate) manager: CacheManager,
    pub(crate) config: AdminConfig,
}
