//! Tests the log of a program that uses the `log` crate and has no subscriber of `tracing`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test reports by panicking")]

use std::sync::{Mutex, PoisonError};

use cache_runtime::{CacheConfig, CacheManager};
use log::{Level, LevelFilter, Log, Metadata, Record};

static LINES: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

struct Lines;

impl Log for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cache_runtime")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = (record.level(), record.args().to_string());
            LINES.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_program_that_logs_with_log_hears_the_cache() {
    log::set_logger(&Lines).unwrap();
    log::set_max_level(LevelFilter::Info);
    let config = CacheConfig::default().namespace("heard");
    let _manager = CacheManager::builder().config(config).build().unwrap();
    let lines = LINES.lock().unwrap();
    let [(Level::Info, line)] = &lines[..] else { panic!("{lines:?}") };
    for said in ["the cache is ready", "memory", "heard", env!("CARGO_PKG_VERSION")] {
        assert!(line.contains(said), "{said}: {line}");
    }
}
