//! The test support itself: servers that come and go, and workers that answer.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::{panic, thread};

use cache_tests::{Counter, RedisServer, Worker, unique_namespace};

#[test]
fn a_server_answers_from_its_start_and_dies_with_its_value() {
    let server = RedisServer::start();
    server.cli::<()>(&["SET", "key", "value"]);
    assert_eq!(server.cli::<String>(&["GET", "key"]), "value");
    let port = server.port();
    drop(server);
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn a_restarted_server_has_its_port_and_what_was_saved() {
    let server = RedisServer::start();
    server.cli::<()>(&["SET", "saved", "1"]);
    server.cli::<()>(&["SAVE"]);
    server.cli::<()>(&["SET", "lost", "1"]);
    let port = server.port();
    server.kill();
    assert!(server.try_cli::<()>(&["PING"]).is_err());
    server.restart();
    assert_eq!(server.port(), port);
    assert!(server.cli::<bool>(&["EXISTS", "saved"]));
    assert!(!server.cli::<bool>(&["EXISTS", "lost"]));
}

#[test]
fn a_paused_server_goes_on() {
    let server = RedisServer::start();
    let mut connection = server.connect().unwrap();
    server.pause();
    connection.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
    assert!(redis::cmd("PING").query::<String>(&mut connection).is_err());
    server.resume();
    assert_eq!(server.cli::<String>(&["PING"]), "PONG");
}

#[test]
fn a_paused_server_dies_with_its_value() {
    let server = RedisServer::start();
    server.pause();
}

#[test]
fn a_server_takes_arguments_a_password_and_a_socket() {
    let server = RedisServer::builder().arg("--maxmemory", "1mb").password("secret").start();
    let limit: Vec<String> = server.cli(&["CONFIG", "GET", "maxmemory"]);
    assert_eq!(limit, ["maxmemory", "1048576"]);

    let mut by_socket = redis::Client::open(server.socket_url()).unwrap().get_connection().unwrap();
    assert_eq!(redis::cmd("PING").query::<String>(&mut by_socket).unwrap(), "PONG");
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let start = || RedisServer::builder().arg("--no-such-setting", "1").start();
    let message = *panic::catch_unwind(start).unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains("no-such-setting"), "{message}");
}

#[test]
fn many_servers_start_at_once() {
    let ports = thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| RedisServer::start().port())).collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect::<std::collections::HashSet<_>>()
    });
    assert_eq!(ports.len(), 8);
}

#[test]
fn a_worker_answers_each_line_in_order() {
    let mut worker = Worker::spawn("redis://127.0.0.1:1", "shop");
    worker.send("env REDIS_URL");
    worker.send("env CACHE_NAMESPACE");
    assert_eq!(worker.receive(), "redis://127.0.0.1:1");
    assert_eq!(worker.receive(), "shop");
    assert_eq!(worker.call("dance"), r#"error: no command "dance""#);
    assert!(worker.finish());
}

#[test]
fn a_worker_can_be_paused_and_killed() {
    let mut worker = Worker::spawn("redis://127.0.0.1:1", "shop");
    worker.pause();
    worker.send("ping");
    worker.resume();
    assert_eq!(worker.receive(), "pong");
    worker.kill();
    assert!(!worker.finish());
}

#[test]
fn namespaces_differ_and_counters_are_shared() {
    assert_ne!(unique_namespace(), unique_namespace());
    let counter = Counter::new();
    let clone = counter.clone();
    assert_eq!((counter.hit(), clone.hit(), counter.count()), (1, 2, 2));
}
