//! The program itself, against real servers, beside a process that uses the cache.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use axum::Router;
use cache_admin::{AdminConfig, AdminKey, router};
use cache_runtime::{CacheConfig, CacheManager, Mode, SetOptions, cache_invalidate, cached, with};
use cache_tests::texts::{NAMES, ONLY_AT_RUN_TIME, PREFIXES, TAGS, TIMES};
use cache_tests::{RedisServer, free_port, unique_namespace};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

const MINUTE: Duration = Duration::from_secs(60);
/// A change elsewhere is known here within two seconds; twice that on a busy machine.
const HEARD: Duration = Duration::from_secs(4);

#[cached(key_prefix = "square", key = "{n}")]
async fn square(n: u64) -> u64 {
    n * n
}

#[cached(key_prefix = "fourth", key = "{n}")]
async fn fourth_power(n: u64) -> u64 {
    square(square(n).await).await
}

#[cached(key_prefix = "cube", key = "{n}")]
async fn cube(n: u64) -> u64 {
    n * n * n
}

#[cache_invalidate(prefix = "square:{n}")]
async fn change(n: u64) {
    _ = n;
}

/// A server, and a running program that keeps copies in memory.
struct Scene {
    server: RedisServer,
    program: CacheManager,
}

/// The result of a run.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Ran {
    fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().expect("it was not killed");
        Ran { code, out: text(output.stdout), err: text(output.stderr) }
    }

    /// Asserts that it was done, and gives what it has printed.
    fn done(&self) -> &str {
        assert_eq!(self.code, 0, "{self:?}");
        self.out.trim_end()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it was refused with this code, and says why.
    fn refused(&self, code: i32) -> &str {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        &self.err
    }
}

/// With none of this process's settings.
fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachectl"));
    let ours = |name: &str| name.starts_with("REDIS_") || name.starts_with("CACHE_");
    std::env::vars()
        .filter(|(name, _)| ours(name))
        .for_each(|(name, _)| _ = command.env_remove(name));
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Ran {
    Ran::of(program(arguments).output().unwrap())
}

impl Scene {
    async fn new() -> Scene {
        Self::on(RedisServer::start()).await
    }

    async fn on(server: RedisServer) -> Scene {
        let config = CacheConfig::default()
            .namespace(unique_namespace())
            .mode(Mode::Tiered)
            .redis_url(server.url())
            .redis_timeout(Duration::from_secs(5))
            .stats_interval(Duration::from_millis(20));
        let program = CacheManager::connect(config).await.unwrap();
        assert_eq!(program.health().await.backend, "tiered");
        Scene { server, program }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.env("REDIS_URL", self.server.url());
        command.env("CACHE_NAMESPACE", &self.program.config().namespace);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().unwrap())
    }

    async fn fill(&self, names: &[&str]) {
        for name in names {
            let options = SetOptions::ttl(MINUTE).tag("team:7");
            self.program.set(name, &1, options).await.unwrap();
        }
    }

    /// Waits until the program does not have it any more; what others do is received.
    async fn until_gone(&self, name: &str) {
        let gone = async {
            while self.program.get::<i32>(name).await.unwrap().is_some() {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(HEARD, gone).await.unwrap_or_else(|_| panic!("{name} is still there"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn running_programs_notice_each_way_of_invalidating() {
    let scene = Scene::new().await;
    for arguments in [
        &["invalidate", "--name", "user:1:a"][..],
        &["invalidate", "--prefix", "user:1"],
        &["invalidate", "--prefix", "other", "--prefix", "user"],
        &["invalidate", "--tag", "team:7"],
        &["invalidate", "--prefix", "user:1", "--soft", "30s"],
        &["invalidate", "--tag", "team:7", "--soft", "1m"],
        &["clear", "user:?:a"],
        &["flush", "--yes"],
    ] {
        scene.fill(&["user:1:a"]).await;
        assert_eq!(scene.program.get("user:1:a").await.unwrap(), Some(1));
        scene.run(arguments).done();
        scene.until_gone("user:1:a").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_was_there() {
    let scene = Scene::new().await;
    scene.fill(&["a:1", "a:2", "b"]).await;
    assert_eq!(scene.run(&["invalidate", "--name", "b"]).done(), "b: removed");
    assert_eq!(scene.run(&["invalidate", "--name", "b"]).done(), "b: there was no entry");
    let softly = scene.run(&["invalidate", "--prefix", "c", "--tag", "t", "--soft", "30s"]);
    assert_eq!(softly.done(), "prefix c: invalidated softly\ntag t: invalidated softly");
    let removed = scene.run(&["--json", "clear", "a:*"]);
    assert_eq!(removed.json()["removed"], 2);
    assert_eq!(scene.run(&["flush", "--yes"]).done(), "0 removed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_names_what_a_run_would_remove_and_leaves_it() {
    let scene = Scene::new().await;
    scene.fill(&["a:1", "a:2", "b"]).await;
    let told = scene.run(&["clear", "a:*", "--dry-run"]);
    let mut lines: Vec<_> = told.done().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["2 would be removed", "a:1", "a:2"]);
    assert_eq!(scene.run(&["--json", "clear", "a:*", "--dry-run"]).json()["would_remove"], 2);
    assert_eq!(scene.program.get("a:1").await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_listed_by_prefix_and_pattern_up_to_a_limit() {
    let scene = Scene::new().await;
    scene.fill(&["a", "a:1", "a:2", "ab", "a*:1"]).await;
    let names = |arguments: &[&str]| {
        let ran = scene.run(arguments);
        let mut names: Vec<_> = ran.done().lines().map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(&["ls", "--prefix", "a"]), ["a", "a:1", "a:2"]);
    assert_eq!(names(&["ls", "--prefix", "a*"]), ["a*:1"]);
    assert_eq!(names(&["ls", "--pattern", "a?*"]), ["a*:1", "a:1", "a:2", "ab"]);
    assert_eq!(names(&["ls"]).len(), 5);
    let some = scene.run(&["ls", "--limit", "2"]);
    assert_eq!(some.done().lines().count(), 2);
    assert!(some.err.contains("--limit 0"), "{some:?}");
    let long = scene.run(&["ls", "--long", "--pattern", "ab"]);
    assert!(long.done().starts_with("fresh") && long.out.trim_end().ends_with("  ab"), "{long:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_shown_with_all_that_it_depends_on() {
    let scene = Scene::new().await;
    scene.fill(&["user:1"]).await;
    let shown = scene.run(&["inspect", "user:1"]);
    for part in ["state      fresh", "tag        user\n", "tag        team:7"] {
        assert!(shown.done().contains(part), "{part} is not in {shown:?}");
    }
    scene.program.set("user:2", &json!({ "name": "Ada" }), MINUTE).await.unwrap();
    let entry = scene.run(&["--json", "inspect", "user:2", "--value"]).json();
    assert_eq!((&entry["state"], &entry["value"]["name"]), (&json!("fresh"), &json!("Ada")));
    let hidden = scene.run(&["--json", "inspect", "user:2"]).json();
    assert_eq!(hidden.get("value"), None);
    let nothing = scene.run(&["inspect", "user:3"]);
    assert_eq!((nothing.code, nothing.out.trim_end()), (1, "user:3: there is no entry"));
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_those_of_all_programs() {
    let scene = Scene::new().await;
    with(&scene.program, async {
        for n in [1, 2, 1, 1] {
            square(n).await;
        }
    })
    .await;
    let counted = async {
        while scene.program.fleet_stats().await.unwrap().total.hits() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(HEARD, counted).await.unwrap();
    let stats = scene.run(&["--json", "stats"]).json();
    assert_eq!((&stats["instances"], &stats["total"]["loads"]), (&json!(1), &json!(2)));
    let text = scene.run(&["stats", "--reset"]);
    assert!(text.done().contains("commands::square"), "{text:?}");
    let since = scene.run(&["--json", "stats"]).json();
    assert_eq!(since["total"]["hits"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_what_goes_on() {
    let scene = Scene::new().await;
    let mut watch = scene.command(&["--json", "watch", "--every", "100ms", "--times", "20"]);
    let mut watching = watch.stdout(Stdio::piped()).spawn().unwrap();
    let busy = async {
        loop {
            with(&scene.program, square(3)).await;
            sleep(Duration::from_millis(1)).await;
        }
    };
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let views = tokio::task::spawn_blocking(|| {
        lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()).collect::<Vec<_>>()
    });
    let views = tokio::select! { views = views => views.unwrap(), () = busy => unreachable!() };
    assert!(watching.wait().unwrap().success());
    assert_eq!(views.len(), 20);
    let last = &views[19];
    let total = &last["total"];
    assert!(total["requests_per_second"].as_f64().unwrap() > 10.0, "{last}");
    assert!(total["hit_rate"].as_f64().unwrap() > 0.5, "{last}");
    assert!(last["sites"][0]["name"].as_str().unwrap().ends_with("square"), "{last}");
    assert!(last["latency_ms"].is_number());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_it_says_so_and_shows_no_password() {
    let server = RedisServer::builder().password("hunter2").start();
    let url = server.url();
    assert!(url.contains("hunter2"));
    let scene = Scene::on(server).await;
    scene.run(&["health"]).done();
    scene.server.kill();
    for arguments in [
        &["stats"][..],
        &["health"],
        &["ls"],
        &["inspect", "a"],
        &["invalidate", "--tag", "a"],
        &["clear", "a*"],
        &["flush", "--yes"],
        &["watch", "--times", "1"],
    ] {
        let ran = scene.run(arguments);
        let reason = ran.refused(3);
        assert!(reason.contains("Redis cannot be used: redis://:***@"), "{reason}");
        assert!(!reason.contains("hunter2"));
    }
    let doctor = scene.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{doctor:?}");
    assert!(doctor.out.contains("no server listens there") && !doctor.out.contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_with_what_is_accepted() {
    let scene = Scene::new().await;
    for (arguments, reason) in [
        (&["invalidate"][..], "--prefix"),
        (&["invalidate", "--prefix", ""], "prefix"),
        (&["invalidate", "--prefix", "video:*"], "covers everything below it"),
        (&["invalidate", "--tag", " "], "white space"),
        (&["invalidate", "--tag", "user:*"], "matched as a whole"),
        (&["invalidate", "--name", "a", "--soft", "30s"], "cannot be used with"),
        (&["invalidate", "--prefix", "a", "--soft", "0"], "500ms"),
        (&["clear", "[]x"], "matches no character"),
        (&["inspect", "#root"], "name"),
        (&["clear", ""], "pattern"),
        (&["clear", "**"], "flush --yes"),
        (&["flush"], "--yes"),
        (&["ls", "--prefix", "a", "--pattern", "b"], "cannot be used with"),
        (&["ls", "--prefix", "user:"], "ends with `:`"),
        (&["ls", "--prefix", "#stats"], "reserved"),
        (&["watch", "--every", "0"], "500ms"),
        (&["--timeout", "forever", "health"], "500ms"),
        (&["--namespace", "a b", "health"], "letters, digits"),
        (&["--url", "http://127.0.0.1", "health"], "redis://"),
        (&["something"], "unrecognized subcommand"),
    ] {
        let ran = scene.run(arguments);
        let told = ran.refused(2);
        assert!(told.contains(reason), "{arguments:?}: {told}");
    }
    assert!(run(&["health"]).refused(2).contains("REDIS_URL"));
}

/// The tables are those of the attributes, the direct API and HTTP.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_has_the_answer_that_it_has_everywhere() {
    let scene = Scene::new().await;
    let at_run_time = || ONLY_AT_RUN_TIME.iter().map(|text| (*text, ""));
    let prefixes = PREFIXES.iter().copied().map(|text| ("--prefix", text));
    let tags = TAGS.iter().copied().chain(at_run_time()).map(|text| ("--tag", text));
    let names = NAMES.iter().copied().chain(at_run_time()).map(|text| ("--name", text));
    for (option, (text, part)) in prefixes.chain(tags).chain(names) {
        let ran = scene.run(&["invalidate", option, text]);
        match part {
            "" => _ = ran.done(),
            part => assert!(ran.refused(2).contains(part), "{option} {text:?}: {ran:?}"),
        }
    }
    for (text, is_accepted) in TIMES {
        let argument = format!("--timeout={text}");
        let ran = scene.run(&[&argument, "ls"]);
        // What is a time may still be too long for a timeout.
        let is_refused = ran.code == 2 && ran.err.contains("such as `500ms`");
        assert_eq!(is_refused, !is_accepted, "{text:?}: {ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_given_stands_alone() {
    let scene = Scene::new().await;
    let mut command = scene.command(&["--url", &scene.server.url(), "health"]);
    let elsewhere = [("REDIS_URL", "redis://127.0.0.1:1"), ("REDIS_TLS", "true")];
    let files = [("REDIS_TLS_CA", "/nowhere"), ("REDIS_TLS_KEY", "/nowhere")];
    Ran::of(command.envs(elsewhere).envs(files).output().unwrap()).done();
}

/// The severity and the advice of one thing that the doctor has looked at.
fn looked_at(ran: &Ran, name: &str) -> (String, String) {
    let checks = ran.json();
    let mut checks = checks.as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name).expect(name);
    let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
    (text("severity"), format!("{} -> {}", text("found"), text("advice")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_server_has_no_faults() {
    let server = RedisServer::builder()
        .arg("--maxmemory", "64mb")
        .arg("--maxmemory-policy", "allkeys-lru")
        .start();
    let scene = Scene::on(server).await;
    let ran = scene.run(&["--json", "doctor"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for check in ran.json().as_array().unwrap() {
        assert_eq!(check["severity"], "good", "{check}");
    }
    let keys: Vec<String> = scene.server.cli(&["KEYS", "*#doctor*"]);
    assert_eq!(keys, [""; 0]);
    assert!(scene.run(&["doctor"]).done().ends_with("0 faults, 0 warnings"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_namespace_is_worth_a_warning() {
    let scene = Scene::new().await;
    let url = scene.server.url();
    let (severity, text) = looked_at(&run(&["--url", &url, "--json", "doctor"]), "namespace");
    assert_eq!(severity, "warning", "{text}");
    assert!(text.contains("`cache`") && text.contains("CACHE_NAMESPACE"), "{text}");
    let (severity, _) = looked_at(&scene.run(&["--json", "doctor"]), "namespace");
    assert_eq!(severity, "good");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_run_without_a_cache_are_worth_a_warning() {
    let scene = Scene::new().await;
    let off = |arguments: &[&str]| {
        let mut command = scene.command(arguments);
        Ran::of(command.env("CACHE_MODE", "off").output().unwrap())
    };
    let (severity, text) = looked_at(&off(&["--json", "doctor"]), "mode");
    assert_eq!(severity, "warning", "{text}");
    assert!(text.contains("the mode is `off`") && text.contains("CACHE_MODE"), "{text}");

    scene.fill(&["video:1"]).await;
    off(&["invalidate", "--prefix", "video"]).done();
    scene.until_gone("video:1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_evicts_wrongly_is_worth_a_warning() {
    let scene = Scene::new().await;
    let policies = [
        ("0", "noeviction", "no memory limit"),
        ("64mb", "noeviction", "refuses"),
        ("64mb", "volatile-ttl", "placeholders"),
    ];
    for (limit, policy, told) in policies {
        let () =
            scene.server.cli(&["CONFIG", "SET", "maxmemory", limit, "maxmemory-policy", policy]);
        let ran = scene.run(&["--json", "doctor"]);
        let (severity, text) = looked_at(&ran, "eviction");
        assert_eq!((ran.code, severity.as_str()), (0, "warning"), "{text}");
        assert!(text.contains(told) && text.contains("allkeys-lru"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_user_may_not_do_is_named_and_the_advice_helps() {
    let scene = Scene::new().await;
    let namespace = &scene.program.config().namespace;
    let user =
        ["ACL", "SETUSER", "app", "on", ">pw", "resetkeys", &format!("~{namespace}:*"), "+@all"];
    let () = scene.server.cli(&[&user[..], &["-publish", "-scan", "resetchannels"]].concat());
    let url = scene.server.url().replace("redis://", "redis://app:pw@");
    let doctor = || run(&["--url", &url, "-n", namespace, "--json", "doctor"]);
    let ran = doctor();
    let (severity, text) = looked_at(&ran, "permissions");
    assert_eq!((ran.code, severity.as_str()), (1, "fault"), "{text}");
    for command in ["SCAN", "PUBLISH"] {
        assert!(text.contains(&format!("user `app` may not use {command}")), "{text}");
    }
    assert_eq!(looked_at(&ran, "feed").0, "fault");

    let (_, advice) = text.split_once(" -> ACL SETUSER app ").unwrap();
    let words: Vec<_> = advice.split(' ').collect();
    let () = scene.server.cli(&[&["ACL", "SETUSER", "app"][..], &words].concat());
    let ran = doctor();
    assert_eq!(looked_at(&ran, "permissions").0, "good", "{ran:?}");
    assert_eq!(looked_at(&ran, "feed").0, "good", "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_and_a_wrong_password_are_faults() {
    let master = RedisServer::start();
    let replica =
        RedisServer::builder().arg("--replicaof", &format!("127.0.0.1 {}", master.port())).start();
    let ran = run(&["--url", &replica.url(), "--json", "doctor"]);
    let (severity, text) = looked_at(&ran, "role");
    assert_eq!((ran.code, severity.as_str()), (1, "fault"));
    assert!(text.contains("master"), "{text}");

    let server = RedisServer::builder().password("right").start();
    let ran = run(&["--url", &server.url().replace("right", "wrong"), "--json", "doctor"]);
    let (severity, text) = looked_at(&ran, "connection");
    assert_eq!((ran.code, severity.as_str()), (1, "fault"));
    assert!(text.contains("REDIS_PASSWORD") && !text.contains("wrong"), "{text}");
}

#[test]
fn there_is_a_completion_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ran = run(&["completions", shell]);
        assert!(ran.done().contains("invalidate") && ran.out.contains("dry-run"), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_reading_ends_it() {
    let scene = Scene::new().await;
    let names: Vec<String> = (0..5_000).map(|n| format!("many:{n}")).collect();
    let values = names.iter().map(|name| (name, &1_u8));
    scene.program.set_many(values, MINUTE).await.unwrap();
    let mut ls = scene.command(&["ls", "--limit", "0"]);
    let mut listing = ls.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(listing.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("many:"));
    let ended = Ran::of(listing.wait_with_output().unwrap());
    assert_eq!((ended.code, ended.err.as_str()), (0, ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_redis_does_not_steer_the_terminal() {
    let scene = Scene::new().await;
    let namespace = scene.program.config().namespace.clone();
    scene.fill(&["good"]).await;
    let known = scene.server.cli::<Vec<String>>(&["KEYS", &format!("{namespace}:*good")]);
    let head = known[0].strip_suffix("good").unwrap();
    for name in ["esc\u{1b}[31mred", "two\nlines", "c1\u{9b}2J"] {
        let () = scene.server.cli(&["SET", &format!("{head}{name}"), "x"]);
    }
    let reported = async {
        while scene.program.fleet_stats().await.unwrap().instances < 1 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(HEARD, reported).await.unwrap();
    let stats = scene.server.cli::<Vec<String>>(&["KEYS", &format!("{namespace}:*#stats")]);
    let field = "misses|evil\u{1b}]0;title\u{7}\nsite|";
    let _: i64 = scene.server.cli(&["HSET", &stats[0], field, "5"]);
    for arguments in [
        &["ls"][..],
        &["ls", "--long"],
        &["clear", "*o*", "--dry-run"],
        &["stats"],
        &["watch", "--times", "1"],
        &["--json", "ls"],
        &["--json", "stats"],
    ] {
        let ran = scene.run(arguments);
        let raw = |c: char| c != '\n' && c.is_control();
        assert!(!ran.done().contains(raw), "{arguments:?}: {ran:?}");
        assert!(!ran.out.lines().any(|line| line.starts_with("lines")), "{ran:?}");
        assert!(!ran.out.lines().any(|line| line.starts_with("site")), "{ran:?}");
    }
    let stats = scene.run(&["stats"]);
    assert!(stats.done().contains("evil\\u{1b}]0;title\\u{7}\\nsite"), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_goes_on_past_what_cannot_be_looked_at() {
    let scene = Scene::new().await;
    scene.fill(&["a:1", "a:2", "a:3"]).await;
    let namespace = &scene.program.config().namespace;
    let known = scene.server.cli::<Vec<String>>(&["KEYS", &format!("{namespace}:*a:1")]);
    let head = known[0].strip_suffix("a:1").unwrap();
    let () = scene.server.cli(&["SET", &format!("{head}a:bad\u{1b}name"), "x"]);
    let () = scene.server.cli(&["SET", &format!("{head}a:foreign"), "x"]);
    let _: i64 = scene.server.cli(&["RPUSH", &format!("{head}a:list"), "x"]);
    let ran = scene.run(&["ls", "--long"]);
    let count = |state: &str| ran.done().lines().filter(|line| line.starts_with(state)).count();
    let states = ["fresh", "unreadable", "absent"].map(count);
    assert_eq!(states, [3, 2, 1], "{ran:?}");
    assert!(ran.out.contains("a:bad\\u{1b}name"), "{ran:?}");
    let ran = scene.run(&["--json", "ls", "--long"]);
    let lines: Vec<Value> =
        ran.done().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let bad = lines.iter().find(|line| line["name"] == "a:bad\u{1b}name").unwrap();
    assert!(bad["error"].as_str().unwrap().contains("control"), "{bad}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_that_nobody_notices_is_said_so() {
    let scene = Scene::new().await;
    scene.fill(&["a:1"]).await;
    let reported = async {
        while scene.program.fleet_stats().await.unwrap().instances < 1 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(HEARD, reported).await.unwrap();
    let nobody = ["-n", "nobody-uses-this"];
    for arguments in [
        &["invalidate", "--prefix", "a"][..],
        &["invalidate", "--tag", "team:7"],
        &["invalidate", "--name", "a:1"],
        &["clear", "a*"],
        &["flush", "--yes"],
    ] {
        let ran = scene.run(arguments);
        ran.done();
        assert!(ran.err.contains("1 process uses the namespace"), "{ran:?}");
        let ran = scene.run(&[&nobody[..], arguments].concat());
        ran.done();
        let told = "no process has reported to the namespace \"nobody-uses-this\"";
        assert!(ran.err.contains(told) && ran.err.contains("--namespace"), "{ran:?}");
        let json = scene.run(&[&nobody[..], &["--json"], arguments].concat()).json();
        assert_eq!(json["processes"], 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_password_the_doctor_says_which_setting_is_missing() {
    let server = RedisServer::builder().password("right").start();
    let url = server.url().replace(":right@", "");
    for url in [url.clone(), format!("{url}?protocol=resp3")] {
        let ran = run(&["--url", &url, "--json", "doctor"]);
        let (severity, text) = looked_at(&ran, "connection");
        assert_eq!((ran.code, severity.as_str()), (1, "fault"));
        assert!(text.contains("set REDIS_PASSWORD") && !text.contains("INFO"), "{text}");
    }
}

const ADMIN_KEY: &str = "the key of this test";

/// Serves the admin endpoints of this process, and returns their address.
async fn serve_admin() -> String {
    let manager = CacheManager::builder().build().unwrap();
    change(1).await;
    with(&manager, async { (fourth_power(2).await, cube(2).await) }).await;
    let config = AdminConfig::default().key(AdminKey::new(ADMIN_KEY).unwrap());
    let service = Router::new().nest_service("/cache", router(manager, config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
    format!("http://{address}/cache")
}

/// Runs `graph` with the key.
fn graph(arguments: &[&str]) -> Ran {
    with_key("graph", arguments)
}

/// Runs a command that asks a program, with the key.
fn with_key(command: &str, arguments: &[&str]) -> Ran {
    let mut command = program(&[command]);
    Ran::of(command.args(arguments).env("CACHE_ADMIN_KEY", ADMIN_KEY).output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_graph_of_a_program_is_printed_for_graphviz_and_as_json() {
    let url = serve_admin().await;
    let ran = graph(&[&url]);
    let dot = ran.done();
    assert!(dot.starts_with("digraph cache {\n") && dot.ends_with("\n}"), "{dot}");
    for part in [
        "label=\"square\";",
        "[label=\"commands::square\", tooltip=\"commands::square (cachectl/tests/commands.rs:",
        " [label=\"prefix square:{n}\", color=\"#cf222e\"];",
        "calls seen\", color=\"#5a6675\", style=dashed];",
    ] {
        assert!(dot.contains(part), "{part} is not in {dot}");
    }
    let names = |json: &Value| {
        let functions = json["functions"].as_array().unwrap().iter();
        functions.map(|of| of["function"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = graph(&[&url, "--json"]).json();
    assert_eq!(names(&all), ["cube", "fourth_power", "square", "change"]);
    let connected = graph(&[&format!("{url}/"), "--function", "square", "--json"]).json();
    assert_eq!(names(&connected), ["fourth_power", "square", "change"]);
    assert_eq!(connected["edges"].as_array().unwrap().len(), 2);

    // The printed graph can be read again.
    let again = on_response(&["graph", "-", "--function", "cube", "--json"], &all.to_string());
    assert_eq!(names(&again.json()), ["cube"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graph_that_cannot_be_had_is_refused_with_the_reason() {
    let url = serve_admin().await;
    let refused = run(&["graph", &url]);
    let reason = refused.refused(3);
    assert!(reason.contains(&format!("cannot be used: {url}: ")), "{reason}");
    assert!(reason.contains("x-cache-admin-key"), "{reason}");
    let nowhere = graph(&[&format!("{url}/nothing")]);
    assert!(nowhere.refused(3).contains("there is no GET /nothing/graph"), "{nowhere:?}");
    let nobody = graph(&[&format!("http://127.0.0.1:{}", free_port())]);
    assert!(nobody.refused(3).contains("refused"), "{nobody:?}");
    for (arguments, reason) in [
        (&["https://127.0.0.1/cache"][..], "curl"),
        (&[], "<ADMIN>"),
        (&[&url, "--function", "sqare"], "did you mean \"square\"?"),
    ] {
        let ran = graph(arguments);
        assert!(ran.refused(2).contains(reason), "{ran:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_memory_is_printed_as_text_and_as_json() {
    let url = serve_admin().await;
    let ran = with_key("advise", &[&url]);
    let text = ran.done();
    assert!(text.starts_with("memory: ") && text.contains("commands::square"), "{text}");
    let json = with_key("advise", &[&url, "--json"]).json();
    assert_eq!(json["text"], text);
    let functions = json["functions"].as_array().unwrap();
    assert_eq!(functions.len(), 3, "{json}");

    let refused = run(&["advise", &url]);
    assert!(refused.refused(3).contains("x-cache-admin-key"), "{refused:?}");
    let https = with_key("advise", &["https://127.0.0.1/cache"]);
    assert!(https.refused(2).contains("/cache/sizing | cachectl advise -"), "{https:?}");
    let graph = with_key("graph", &[&url, "--json"]).json().to_string();
    let another = on_response(&["advise", "-"], &graph);
    assert!(another.refused(2).contains("`GET /sizing`: it has no `text`"), "{another:?}");
}

/// Runs a command on this response of the admin endpoints.
fn on_response(arguments: &[&str], response: &str) -> Ran {
    let mut command = program(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(response.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

fn verified(name: &str, consistent: u64, inconsistent: u64) -> Value {
    serde_json::json!({
        "name": name,
        "verified_consistent": consistent,
        "verified_inconsistent": inconsistent,
        "verified_raced": 0,
        "verified_unstable": 0,
        "verified_failed": 0,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn verifications_are_printed_by_function_and_a_difference_is_a_negative_result() {
    let url = serve_admin().await;
    let none = with_key("verify", &[&url]);
    assert!(none.done().starts_with("no hit has been verified"), "{none:?}");
    assert_eq!(with_key("verify", &[&url, "--json"]).json(), serde_json::json!([]));

    let sites = |sites: &[Value]| serde_json::json!({ "sites": sites }).to_string();
    let right = on_response(&["verify", "-"], &sites(&[verified("shop::price", 12, 0)]));
    assert!(right.done().contains("100.00 %        12"), "{right:?}");
    let wrong = sites(&[verified("shop::price", 12, 0), verified("shop::title", 9_997, 3)]);
    let wrong = on_response(&["verify", "-"], &wrong);
    let lines: Vec<_> = wrong.out.lines().collect();
    assert_eq!((wrong.code, lines.len()), (1, 3), "{wrong:?}");
    assert!(lines[1].contains("99.97 %") && lines[1].ends_with("shop::title"), "{wrong:?}");

    let another = on_response(&["verify", "-"], "{}");
    assert!(another.refused(2).contains("`GET /stats`"), "{another:?}");
}
