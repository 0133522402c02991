//! Servers that lack something: what is lost is said, once, and no value is ever wrong.

use cache_runtime::{CacheCall, Source as From};
use cache_tests::RedisServer;

use super::*;
use crate::log::Log;

fn without(commands: &[&str]) -> RedisServer {
    let builder = RedisServer::builder();
    commands.iter().fold(builder, |builder, command| builder.without(command)).start()
}

/// Returns the value of a call and its source.
async fn from(manager: &CacheManager, source: &Source) -> (u64, From) {
    let fetched = with(manager, place(source, 1).cache_entry().fetch()).await.unwrap();
    (fetched.value, fetched.source)
}

#[tokio::test]
async fn without_scripts_each_process_has_its_memory() {
    let server = without(&["EVAL", "EVALSHA", "SCRIPT"]);
    let (log, _capture) = Log::capture();
    let [here, there] = two(&server.url(), Mode::Tiered, &unique_namespace()).await;
    let source = Source::new(1);
    for manager in [&here, &there] {
        assert_eq!(from(manager, &source).await, (1, From::Load));
        assert_eq!(from(manager, &source).await, (1, From::Memory));
    }
    with(&here, change(&source, 1, 2)).await;
    assert_eq!(from(&here, &source).await, (2, From::Load));
    assert_eq!(server.cli::<u64>(&["DBSIZE"]), 0);
    let reason = here.health().await.reason.unwrap();
    assert!(reason.contains("cannot run scripts"), "{reason}");
    let text = log.text();
    assert_eq!(text.matches("cannot run scripts").count(), 2, "once for each manager: {text}");
    let diagnostics = here.diagnose().await;
    let permissions = diagnostic(&diagnostics, "permissions");
    assert_eq!(permissions.severity, Severity::Fault);
    assert!(permissions.advice.as_deref().unwrap().contains("memory of each process"));
}

#[tokio::test]
async fn without_pub_sub_each_value_is_read_from_redis() {
    for missing in [&["PUBLISH", "SUBSCRIBE"][..], &["PUBLISH"], &["SUBSCRIBE"]] {
        let server = without(missing);
        let (log, _capture) = Log::capture();
        let [here, there] = two(&server.url(), Mode::Tiered, &unique_namespace()).await;
        everything_works(&here, &there).await;
        here.flush_all().await;
        let source = Source::new(1);
        assert_eq!(from(&here, &source).await, (1, From::Load), "{missing:?}");
        for manager in [&here, &there, &here, &there] {
            assert_eq!(from(manager, &source).await, (1, From::Redis), "{missing:?}");
        }
        with(&there, change(&source, 1, 2)).await;
        assert_eq!(from(&here, &source).await, (2, From::Load), "{missing:?}: at once");
        until(async || log.text().matches("cannot be received").count() == 2).await;
        let diagnostics = here.diagnose().await;
        assert_eq!(
            diagnostic(&diagnostics, "feed").severity,
            Severity::Warning,
            "{diagnostics:#?}"
        );
        assert!(fault(&diagnostics).is_none(), "{diagnostics:#?}");
    }
}

#[tokio::test]
async fn a_command_that_the_server_does_not_have_is_named() {
    for missing in ["EVALSHA", "UNLINK", "GETRANGE", "PEXPIRE", "GET"] {
        let server = without(&[missing]);
        let (log, _capture) = Log::capture();
        let [here, _] = two(&server.url(), Mode::Tiered, &unique_namespace()).await;
        let source = Source::new(1);
        assert_eq!(from(&here, &source).await, (1, From::Load));
        assert_eq!(from(&here, &source).await, (1, From::Memory));
        let reason = here.health().await.reason.unwrap();
        let named = format!("the server has no command {missing}");
        assert!(reason.contains(&named), "{reason}");
        assert!(log.text().contains(&named), "{}", log.text());
        let diagnostics = here.diagnose().await;
        let permissions = diagnostic(&diagnostics, "permissions");
        assert_eq!(permissions.severity, Severity::Fault, "{diagnostics:#?}");
        assert!(permissions.found.contains(&named), "{diagnostics:#?}");
    }
}

#[tokio::test]
async fn a_server_that_lacks_what_is_not_needed_is_used_and_the_doctor_says_so() {
    for missing in ["PING", "EVAL", "SCAN", "HGET"] {
        let server = without(&[missing]);
        let [here, there] = two(&server.url(), Mode::Tiered, &unique_namespace()).await;
        changes_are_seen(&here, &there, &["name", "put", "prefix", "tag", "delete"]).await;
        assert!(here.ping().await.is_some(), "{missing}");
        let health = here.health().await;
        assert_eq!(health.backend, "tiered", "{missing}: {health:?}");
        assert!(health.reason.unwrap().contains(missing));
        let diagnostics = here.diagnose().await;
        assert!(fault(&diagnostics).is_none(), "{missing}: {diagnostics:#?}");
        let permissions = diagnostic(&diagnostics, "permissions");
        assert_eq!(permissions.severity, Severity::Warning, "{diagnostics:#?}");
        assert!(permissions.found.contains(missing), "{diagnostics:#?}");
    }
}
