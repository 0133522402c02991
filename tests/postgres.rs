//! The support of tests with PostgreSQL: servers that come and go, databases of one test.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::{
    collections::HashSet,
    env,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use cache_tests::{Postgres, Proxy};

#[test]
fn a_server_answers_from_its_start_and_dies_with_its_value() {
    let server = Postgres::start();
    assert_eq!(server.psql("select 1, 'a'; select 2"), "1|a\n2");
    let port = server.port();
    drop(server);
    assert!(!is_listening(port));
}

#[test]
fn a_server_that_was_killed_has_what_was_committed() {
    let server = Postgres::start();
    server.psql("create table kept (id int); insert into kept values (1); begin; insert into kept values (2)");
    let port = server.port();
    server.kill();
    assert!(!is_listening(port));
    assert!(server.try_psql("select 1").is_err());
    server.restart();
    assert_eq!(server.port(), port);
    assert_eq!(server.psql("select id from kept"), "1");
}

#[test]
fn a_server_that_was_killed_can_be_dropped() {
    let server = Postgres::start();
    server.kill();
    server.kill();
}

#[test]
fn each_test_has_a_database_of_its_own() {
    let (one, other) = (Postgres::shared().database(), Postgres::shared().database());
    one.psql("create table videos (id int); insert into videos values (1)");
    assert_eq!(one.psql("select id from videos"), "1");
    let error = other.try_psql("select id from videos").unwrap_err();
    assert!(error.contains(r#"relation "videos" does not exist"#), "{error}");
}

#[test]
fn a_database_is_dropped_with_its_value_also_under_a_connection() {
    let database = Postgres::shared().database();
    let name = database.name().to_owned();
    let exists = format!("select count(*) from pg_database where datname = '{name}'");
    let connected = format!("select count(*) from pg_stat_activity where datname = '{name}'");
    let statements = format!("\\connect {name}\nselect pg_sleep(600)");
    let client = thread::spawn(move || Postgres::shared().try_psql(&statements));
    until(|| Postgres::shared().psql(&connected) == "1");
    drop(database);
    assert_eq!(Postgres::shared().psql(&exists), "0");
    let error = client.join().unwrap().unwrap_err();
    assert!(error.contains("terminating connection"), "{error}");
}

#[test]
fn the_first_error_ends_the_statements() {
    let database = Postgres::shared().database();
    let error = database
        .try_psql("create table a (id int); select nothing; create table b (id int)")
        .unwrap_err();
    assert!(error.contains(r#"column "nothing" does not exist"#), "{error}");
    assert_eq!(database.psql("select to_regclass('a'), to_regclass('b')"), "a|");
}

#[test]
fn texts_of_all_characters_come_and_go_unchanged() {
    let database = Postgres::shared().database();
    assert_eq!(database.psql("select 'ä:%*\u{1f980}', chr(228)"), "ä:%*\u{1f980}|ä");
    let long = "x".repeat(1 << 20);
    assert_eq!(database.psql(&format!("select '{long}'")), long);
}

#[test]
fn a_database_is_reached_by_a_proxy() {
    let database = Postgres::shared().database();
    let proxy = Proxy::before(database.server().port());
    let url = database.url_by(proxy.port());
    assert_eq!(
        url,
        database.url().replace(&database.server().port().to_string(), &proxy.port().to_string())
    );
    assert_eq!(proxy.connections(), 0);
    let _client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    until(|| proxy.connections() == 1);
}

#[test]
fn many_servers_start_at_once() {
    let ports = thread::scope(|scope| {
        let starts: Vec<_> = (0..3).map(|_| scope.spawn(|| Postgres::start().port())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect::<HashSet<_>>()
    });
    assert_eq!(ports.len(), 3);
}

/// Set in the process that is killed.
const IS_HOLDER: &str = "IS_HOLDER";

#[test]
fn a_server_ends_with_the_process_of_its_test() {
    if env::var_os(IS_HOLDER).is_some() {
        return hold_two_servers();
    }
    let mut holder = Command::new(env::current_exe().unwrap())
        .args(["--exact", "a_server_ends_with_the_process_of_its_test", "--nocapture"])
        .env(IS_HOLDER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(holder.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ports: Vec<u16> =
        lines.filter_map(|line| line.strip_prefix("port ")?.parse().ok()).take(2).collect();
    assert!(ports.iter().all(|port| is_listening(*port)));
    holder.kill().unwrap();
    holder.wait().unwrap();
    until(|| !ports.iter().any(|port| is_listening(*port)));
}

/// Starts a server and the one that tests share, says where they are, and waits to be killed.
fn hold_two_servers() {
    let server = Postgres::start();
    // The harness prints the name of the test without a line break.
    println!("\nport {}\nport {}", server.port(), Postgres::shared().port());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

fn is_listening(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "it does not come true");
        thread::sleep(Duration::from_millis(10));
    }
}
