//! The commands for an outbox, with real servers, beside a process that uses the cache.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use cache_runtime::{CacheConfig, CacheManager, Mode, cached, with};
use cache_tests::{Postgres, PostgresDatabase, Proxy, RedisServer, unique_namespace};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// The time that a change may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program with none of this process's settings.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachectl"));
    for (name, _) in std::env::vars()
        .filter(|(name, _)| name.starts_with("REDIS_") || name.starts_with("CACHE_"))
    {
        command.env_remove(name);
    }
    command.env_remove("DATABASE_URL").args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// Asserts that it was done, and returns what it has printed.
fn done(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    str::from_utf8(&output.stdout).unwrap().trim_end()
}

/// Asserts that it was refused with this code, and returns the reason.
fn refused(output: &Output, code: i32) -> String {
    assert_eq!((output.status.code(), &*output.stdout), (Some(code), &b""[..]), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn with_outbox() -> PostgresDatabase<'static> {
    let database = Postgres::shared().database();
    database.psql(done(&run(&["outbox", "sql", "--postgres"])));
    database
}

/// A Redis, and a running program with copies in memory.
struct Scene {
    server: RedisServer,
    program: CacheManager,
}

impl Scene {
    async fn new() -> Scene {
        let server = RedisServer::start();
        let config = CacheConfig::default()
            .namespace(unique_namespace())
            .mode(Mode::Tiered)
            .redis_url(server.url())
            .redis_timeout(Duration::from_secs(5));
        let program = CacheManager::connect(config).await.unwrap();
        Scene { server, program }
    }

    fn command(&self, arguments: &[&str], database: &str) -> Command {
        let mut command = program(arguments);
        command.env("REDIS_URL", self.server.url()).env("DATABASE_URL", database);
        command.env("CACHE_NAMESPACE", &self.program.config().namespace);
        command
    }

    fn run(&self, arguments: &[&str], database: &str) -> Output {
        self.command(arguments, database).output().unwrap()
    }

    /// Starts a relay, and waits until it relays.
    fn relay(&self, database: &str) -> Relay {
        let mut child = self.command(&["relay"], database).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        assert!(first.contains("relays into the namespace"), "{first}");
        Relay { child, lines }
    }
}

/// A relay, which is killed with this value.
struct Relay {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Relay {
    /// Sends a signal, waits for the end, and asserts that it was a good one. Returns the log.
    fn stop(mut self, signal: &str) -> String {
        let kill = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {}", self.child.id())])
            .status();
        assert!(kill.unwrap().success());
        assert!(self.child.wait().unwrap().success());
        let log: Vec<_> = self.lines.by_ref().map_while(Result::ok).collect();
        assert_eq!(log.last().map(String::as_str), Some("cachectl: stopped"), "{log:?}");
        log.join("\n")
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("it does not come true"));
}

#[cached(ttl = "1h", key_prefix = "video", key = "{id}")]
async fn title(database: &PostgresDatabase<'_>, id: u64) -> String {
    database.psql(&format!("select title from videos where id = {id}"))
}

#[cached(ttl = "1h", tags = ["shelf:{shelf}"], skip(database))]
async fn count(database: &PostgresDatabase<'_>, shelf: &str) -> String {
    database.psql(&format!("select count(*) from videos where shelf = '{shelf}'"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_program_notices_changes_by_those_who_know_nothing_of_the_cache() {
    let (scene, database) = (Scene::new().await, with_outbox());
    database.psql("create table videos (id bigint primary key, shelf text, title text); insert into videos values (1, 'new:', 'a')");
    let triggers =
        ["triggers", "--table", "videos", "--prefix", "video:{id}", "--tag", "shelf:{shelf}"];
    database.psql(done(&run(&triggers)));
    let relay = scene.relay(&database.url());
    let reads = async || {
        with(&scene.program, async { (title(&database, 1).await, count(&database, "new:").await) })
            .await
    };
    let rows = || database.psql("select count(*) from cache_outbox");

    assert_eq!(reads().await, ("a".to_owned(), "1".to_owned()));
    database.psql("update videos set title = 'b'");
    until(async || reads().await.0 == "b").await;
    database.psql("insert into videos values (2, 'new:', 'x')");
    until(async || reads().await.1 == "2").await;
    database.psql("truncate videos");
    until(async || reads().await == (String::new(), "0".to_owned())).await;
    until(async || rows() == "0").await;
    relay.stop("TERM");

    database.psql("insert into videos values (1, 'new:', 'c')");
    assert_eq!(rows(), "2", "no relay runs");
    let relay = scene.relay(&database.url());
    until(async || reads().await == ("c".to_owned(), "1".to_owned())).await;
    relay.stop("INT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_goes_on_after_an_outage_of_the_database_and_leaves_other_namespaces_alone() {
    let (scene, server) = (Scene::new().await, Postgres::start());
    server.psql(done(&run(&["outbox", "sql", "--postgres"])));
    let relay = scene.relay(&server.url());
    let write = |target: &str, namespace: &str| {
        server.psql(&format!("insert into cache_outbox (namespace, kind, target) values ('{namespace}', 'name', '{target}'); notify cache_outbox"));
    };
    let kept = async |name: &str| scene.program.get::<u64>(name).await.unwrap().is_some();
    for name in ["a", "b"] {
        scene.program.set(name, &1_u64, PATIENCE).await.unwrap();
    }
    write("b", "another");
    write("a", "");
    until(async || !kept("a").await).await;
    server.restart();
    scene.program.set("a", &1_u64, PATIENCE).await.unwrap();
    write("a", &scene.program.config().namespace);
    until(async || !kept("a").await).await;
    assert!(kept("b").await);
    until(async || server.psql("select target from cache_outbox") == "b").await;
    relay.stop("TERM");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_logs_a_row_that_it_cannot_perform() {
    let (scene, database) = (Scene::new().await, with_outbox());
    let relay = scene.relay(&database.url());
    database.psql("insert into cache_outbox (kind, target) values ('prefix', 'a::b')");
    until(async || database.psql("select failures from cache_outbox") == "1").await;
    let log = relay.stop("TERM");
    assert!(log.contains("WARN") && log.contains("empty segment"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_a_relay_from_starting_is_said() {
    let (scene, empty) = (Scene::new().await, Postgres::shared().database());
    let told = refused(&scene.run(&["relay"], &empty.url()), 3);
    assert!(
        told.contains("no table `cache_outbox`") && told.contains("cachectl outbox sql"),
        "{told}"
    );
    let told = refused(&scene.run(&["relay"], "postgres://127.0.0.1:1/shop"), 3);
    assert!(told.contains("the database cannot be used"), "{told}");
    let told = refused(&scene.run(&["relay"], ""), 2);
    assert!(told.contains("--database or DATABASE_URL"), "{told}");
    scene.server.kill();
    let told = refused(&scene.run(&["relay"], &with_outbox().url()), 3);
    assert!(told.contains("Redis cannot be used"), "{told}");
}

#[test]
fn the_statements_for_the_table_are_those_of_the_library() {
    for (option, schema) in [
        ("--postgres", cache_sqlx::outbox::schema::<sqlx::Postgres>()),
        ("--sqlite", cache_sqlx::outbox::schema::<sqlx::Sqlite>()),
    ] {
        assert_eq!(done(&run(&["outbox", "sql", option])), schema.trim_end());
        let json: Value =
            serde_json::from_slice(&run(&["outbox", "sql", option, "--json"]).stdout).unwrap();
        assert_eq!(json, json!({ "sql": schema }));
    }
    for arguments in [&["outbox", "sql"][..], &["outbox", "sql", "--postgres", "--sqlite"]] {
        assert!(refused(&run(arguments), 2).contains("--sqlite"));
    }
}

#[test]
fn the_lag_counts_what_waits_and_what_has_failed() {
    let database = with_outbox();
    let lag = |more: &[&str]| {
        let output = run(&[&["outbox", "lag", "--database", &database.url()], more].concat());
        done(&output).to_owned()
    };
    assert_eq!(lag(&[]), "no invalidation waits; no row is poisoned");
    assert_eq!(lag(&["--json"]), r#"{"rows":0,"oldest":null,"poisoned":0}"#);
    database.psql("insert into cache_outbox (kind, target, written_at) values ('tag', 'a', now() - interval '1 hour 5 seconds'), ('tag', 'b', now())");
    database.psql("insert into cache_outbox (kind, target, failures) values ('prefix', ':', 1)");
    let text = lag(&[]);
    assert!(
        text.starts_with("2 invalidations wait, the oldest for 1h")
            && text.ends_with("; 1 row is poisoned"),
        "{text}"
    );
    let json: Value = serde_json::from_str(&lag(&["--json"])).unwrap();
    assert_eq!((&json["rows"], &json["poisoned"]), (&json!(2), &json!(1)));
    assert!(json["oldest"].as_f64().unwrap() >= 3605.0, "{json}");
}

#[test]
fn an_outbox_in_sqlite_is_counted_too() {
    let folder = TempDir::new().unwrap();
    let url = format!("sqlite:{}", folder.path().join("shop.db").display());
    let lag = |url: &str| run(&["outbox", "lag", "--database", url]);
    let told = refused(&lag(&url), 3);
    assert!(told.contains("unable to open database file"), "{told}");
    assert!(refused(&lag(&format!("{url}?mode=rwc")), 3).contains("no table `cache_outbox`"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        cache_sqlx::outbox::create(&pool).await.unwrap();
        sqlx::query("insert into cache_outbox (kind, target) values ('tag', 'a')")
            .execute(&pool)
            .await
            .unwrap();
        pool.close().await;
    });
    let text = lag(&url);
    assert!(done(&text).starts_with("1 invalidation waits, the oldest for "), "{text:?}");
}

#[test]
fn an_address_that_cannot_be_used_is_refused_without_its_password() {
    let silent = Proxy::before(Postgres::shared().port());
    silent.stall();
    for (url, code, reason) in [
        ("mysql://root:hunter2@localhost/shop".to_owned(), 2, "postgres://"),
        ("postgres://root:hunter2@127.0.0.1:1/shop".to_owned(), 3, "the database cannot be used"),
        (
            "postgres://root:hunter2@127.0.0.1:x/shop".to_owned(),
            2,
            "the address of the database cannot be used",
        ),
        (Postgres::shared().database().url_by(silent.port()), 3, "no connection within 300ms"),
        (format!("{}s", Postgres::shared().url()), 3, "does not exist"),
    ] {
        let output = run(&["outbox", "lag", "--timeout", "300ms", "--database", &url]);
        let told = refused(&output, code);
        assert!(told.contains(reason) && !told.contains("hunter2"), "{url}: {told}");
    }
}

/// Returns the severity and the text of a check of the doctor.
fn looked_at(output: &Output, name: &str) -> (String, String) {
    let checks: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let check = checks.as_array().unwrap().iter().find(|check| check["name"] == name);
    let check = check.unwrap_or_else(|| panic!("no {name} in {checks}"));
    let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
    (text("severity"), format!("{} -> {}", text("found"), text("advice")))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_the_outbox() {
    let (scene, database) = (Scene::new().await, with_outbox());
    let doctor = || scene.run(&["--json", "doctor", "--database"], &database.url());
    let severity =
        |output: &Output| (looked_at(output, "outbox").0, looked_at(output, "poisoned rows").0);
    let of = |lag: &str, failed: &str| (lag.to_owned(), failed.to_owned());
    assert_eq!(severity(&doctor()), of("good", "good"));
    let add = |values: &str| {
        database.psql(&format!(
            "insert into cache_outbox (kind, target, written_at, failures) values {values}"
        ))
    };

    add("('tag', 'a', now(), 0), ('tag', 'b', now() - interval '1 day', 1)");
    let output = doctor();
    assert_eq!((output.status.code(), severity(&output)), (Some(0), of("good", "warning")));
    let (_, text) = looked_at(&output, "poisoned rows");
    assert!(text.contains("1 row is poisoned") && text.contains("set `failures` to 0"), "{text}");

    add("('tag', 'c', now() - interval '2 minutes', 0)");
    let output = doctor();
    assert_eq!((output.status.code(), severity(&output)), (Some(1), of("fault", "warning")));
    let (_, text) = looked_at(&output, "outbox");
    assert!(
        text.contains("2 invalidations wait, the oldest for 2m") && text.contains("cachectl relay"),
        "{text}"
    );
    let text = scene.run(&["doctor", "--database"], &database.url());
    assert!(
        String::from_utf8_lossy(&text.stdout)
            .contains("FAULT    outbox         2 invalidations wait"),
        "{text:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_that_there_is_no_outbox_or_no_database() {
    let (scene, empty) = (Scene::new().await, Postgres::shared().database());
    for (url, found, advice) in [
        (empty.url(), "no table `cache_outbox`", "cachectl outbox sql --postgres | psql"),
        (
            "postgres://root:hunter2@127.0.0.1:1/shop".to_owned(),
            "the database cannot be used",
            "DATABASE_URL",
        ),
    ] {
        let output = scene.run(&["--json", "doctor", "--database", &url], "");
        let (severity, text) = looked_at(&output, "outbox");
        assert_eq!((output.status.code(), severity.as_str()), (Some(1), "fault"));
        assert!(
            text.contains(found) && text.contains(advice) && !text.contains("hunter2"),
            "{text}"
        );
    }
    let without = scene.run(&["--json", "doctor"], &empty.url());
    assert!(!String::from_utf8_lossy(&without.stdout).contains("outbox"), "{without:?}");
    assert!(refused(&scene.run(&["doctor", "--database"], ""), 2).contains("DATABASE_URL"));
}
