//! The configuration: the settings, their sources, and their accepted values.

mod check;
mod env;
mod jitter;
mod mask;
mod mode;
mod problem;
mod redis_url;
mod settings;
mod shown;
mod size;
mod sources;
mod text;
mod ttl;

pub(crate) use self::redis_url::RedisAddress;
pub use self::{
    jitter::Jitter,
    mode::{Backend, Mode},
    redis_url::RedisUrl,
    settings::CacheConfig,
    sources::SourceLimit,
    ttl::Ttl,
};

impl CacheConfig {
    /// Returns the TTL of values under this key prefix: that of the prefix itself, otherwise that of
    /// the nearest enclosing prefix (`video` encloses `video:meta`), otherwise the default.
    pub fn ttl_of(&self, prefix: &str) -> Ttl {
        std::iter::successors(Some(prefix), |prefix| Some(prefix.rsplit_once(':')?.0))
            .find_map(|prefix| self.prefix_ttls.get(prefix))
            .copied()
            .unwrap_or(self.default_ttl)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn the_longest_prefix_decides_the_ttl() {
        let seconds = |n| Ttl::For(Duration::from_secs(n));
        let config = CacheConfig::default()
            .prefix_ttl("video", Duration::from_secs(1))
            .prefix_ttl("video:meta", Duration::from_secs(2));
        assert_eq!(config.ttl_of("video"), seconds(1));
        assert_eq!(config.ttl_of("video:meta:old"), seconds(2));
        assert_eq!(config.ttl_of("video:other"), seconds(1));
        assert_eq!(config.ttl_of("videos"), seconds(300));
    }

    #[test]
    fn debug_shows_every_setting_and_no_password() {
        let config = CacheConfig::default().redis_url("redis://app:hunter2@host");
        let text = format!("{config:?}");
        assert!(text.contains("redis_url: Some(RedisUrl(redis://app:***@host))"), "{text}");
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn a_serialised_configuration_reads_back_with_its_password() {
        let config = CacheConfig::default()
            .redis_url("redis://app:hunter2@host")
            .prefix_ttl("users", Ttl::Forever)
            .compress_above(10_000)
            .jitter(0.25)
            .max_load(Duration::from_millis(1_500));
        let json = serde_json::to_string(&config).unwrap();
        assert!(
            json.contains("hunter2") && json.contains(r#""memory_capacity":"64MiB""#),
            "{json}"
        );
        assert_eq!(serde_json::from_str::<CacheConfig>(&json).unwrap(), config);
    }

    #[test]
    fn a_file_may_leave_fields_out_but_not_misspell_them() {
        let config: CacheConfig = serde_json::from_str(
            r#"{"default_ttl": 60, "memory_capacity": 4096, "redis_timeout": "1s"}"#,
        )
        .unwrap();
        assert_eq!(config.default_ttl, Ttl::For(Duration::from_secs(60)));
        assert_eq!(config.memory_capacity, 4096);
        assert_eq!(config.redis_timeout, Duration::from_secs(1));
        assert_eq!(config.namespace, "cache");

        let error = serde_json::from_str::<CacheConfig>(r#"{"redis_timout": "1s"}"#).unwrap_err();
        assert!(error.to_string().contains("redis_timout"));
    }
}
