//! The test support itself: servers that come and go, workers that answer, a network that fails.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};
use std::{panic, thread};

use cache_tests::{Counter, Proxy, RedisServer, Way, Worker, unique_namespace};

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
    connection.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
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

/// A server that sends back what it is sent, a proxy before it, and a client of the proxy.
fn echo() -> (Proxy, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    // It ends with the test's process: it holds nothing that would have to be given back.
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || std::io::copy(&mut &client, &mut &client));
        }
    });
    let proxy = Proxy::before(port);
    let client = connect(&proxy);
    (proxy, client)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client
}

/// Sends text, and returns the reply, up to the end of the connection or to the number of bytes that
/// were sent.
fn sent(client: &mut TcpStream, text: &str) -> String {
    let _ = client.write_all(text.as_bytes());
    received(client, text.len())
}

fn received(client: &mut TcpStream, bytes: usize) -> String {
    let mut text = String::new();
    match client.take(bytes as u64).read_to_string(&mut text) {
        Ok(_) => text,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => text,
        Err(error) => panic!("{error}"),
    }
}

/// Asserts that nothing comes for a moment.
///
/// A read with a time limit is not resumed after a process was stopped and continued, as a virtual
/// machine or a container is: `EINTR` says nothing about the connection.
fn assert_held_up(client: &mut TcpStream) {
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let outcome = loop {
        match client.read(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => break outcome,
        }
    };
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let error = outcome.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
}

#[test]
fn a_proxy_passes_what_it_is_sent() {
    let (proxy, mut client) = echo();
    assert_eq!(sent(&mut client, "hello"), "hello");
    assert_eq!(proxy.connections(), 1);
    let long = "x".repeat(100_000);
    let mut writer = client.try_clone().unwrap();
    let text = long.clone();
    let writing = thread::spawn(move || writer.write_all(text.as_bytes()));
    assert_eq!(received(&mut client, long.len()), long);
    writing.join().unwrap().unwrap();
}

#[test]
fn a_proxy_cuts_all_connections_and_takes_new_ones() {
    let (proxy, mut client) = echo();
    assert_eq!(sent(&mut client, "hello"), "hello");
    proxy.cut();
    assert_eq!(sent(&mut client, "hello"), "");
    assert_eq!(sent(&mut connect(&proxy), "again"), "again");
}

#[test]
fn a_proxy_cuts_one_connection_in_mid_reply() {
    let (proxy, mut client) = echo();
    let mut other = connect(&proxy);
    assert_eq!(sent(&mut other, "hi"), "hi");
    proxy.cut_after(7);
    assert_eq!(sent(&mut client, "hello"), "hello");
    assert_eq!(sent(&mut client, "hello"), "he");
    assert_eq!(sent(&mut client, "hello"), "");
    assert_eq!(sent(&mut other, "hello"), "hello");
}

#[test]
fn a_proxy_refuses_new_connections_alone() {
    let (proxy, mut client) = echo();
    assert_eq!(sent(&mut client, "hello"), "hello");
    proxy.refuse();
    assert_eq!(sent(&mut connect(&proxy), "hello"), "");
    assert_eq!(sent(&mut client, "hello"), "hello");
    proxy.pass();
    assert_eq!(sent(&mut connect(&proxy), "hello"), "hello");
}

#[test]
fn what_a_proxy_holds_up_comes_later() {
    let (proxy, mut client) = echo();
    proxy.stall();
    client.write_all(b"hello").unwrap();
    assert_held_up(&mut client);
    proxy.pass();
    assert_eq!(received(&mut client, 5), "hello");

    proxy.stall_after(2);
    client.write_all(b"hello").unwrap();
    assert_eq!(received(&mut client, 2), "he");
    assert_held_up(&mut client);
    proxy.pass();
    assert_eq!(received(&mut client, 3), "llo");
}

#[test]
fn a_connection_that_is_held_up_can_be_cut() {
    let (proxy, mut client) = echo();
    proxy.stall_one_way(Way::Replies);
    client.write_all(b"hello").unwrap();
    assert_held_up(&mut client);
    proxy.cut();
    assert_eq!(received(&mut client, 5), "");
    drop(proxy);
}

#[test]
fn a_slow_proxy_delays_each_direction() {
    let (proxy, mut client) = echo();
    proxy.slow(Duration::from_millis(20));
    let began = Instant::now();
    assert_eq!(sent(&mut client, "hello"), "hello");
    assert!(began.elapsed() >= Duration::from_millis(40));
}

#[test]
fn a_proxy_before_no_server_closes_connections_and_ends_with_its_value() {
    let proxy = Proxy::before(1);
    assert_eq!(sent(&mut connect(&proxy), "hello"), "");
    let port = proxy.port();
    drop(proxy);
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err());
}
