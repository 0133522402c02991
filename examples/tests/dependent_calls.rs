//! The example `dependent_calls` in two processes, with one Redis: a change in one of them makes the page new in both, and
//! only what depends on the change is loaded again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use std::thread;
use std::time::Duration;

use cache_tests::{RedisServer, Worker};

/// Makes two processes with one Redis and one folder of authors, in this mode.
fn two_processes(server: &RedisServer, folder: &str, mode: &str) -> [Worker; 2] {
    [(); 2].map(|()| {
        let variables = [
            ("REDIS_URL", &*server.url()),
            ("REDIS_CONNECT_TIMEOUT", "10s"),
            ("REDIS_TIMEOUT", "5s"),
            ("CACHE_MODE", mode),
            ("EXAMPLE_FOLDER", folder),
        ];
        Worker::spawn_program("dependent_calls", &["commands"], &variables)
    })
}

/// Returns the answer of a process with this page, authors and numbers of bodies.
fn answer(authors: [&str; 3], [author, book, shelf, page]: [u64; 4]) -> String {
    let [first, second, third] = authors;
    format!(
        "Book 11 by {first}, Book 12 by {first}, Book 13 by {second}, Book 14 by {third} \
         (loaded: author {author}, book {book}, shelf {shelf}, page {page})"
    )
}

/// Asserts that the first answer other than the old one is the new one. If copies are kept in memory, a notice tells the
/// process that they are stale, perhaps some time later.
fn changes(process: &mut Worker, from: &str, to: &str) {
    for _ in 0..6_000 {
        let answer = process.call("page");
        if answer != from {
            return assert_eq!(answer, to);
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("it stays {from:?}");
}

#[test]
fn a_renamed_author_makes_the_page_new_in_both_processes_and_nothing_else_is_loaded() {
    let server = RedisServer::start();
    for mode in ["redis", "tiered"] {
        server.cli::<()>(&["FLUSHALL"]);
        let folder = tempfile::tempdir().unwrap();
        let [mut one, mut other] = two_processes(&server, folder.path().to_str().unwrap(), mode);
        let before = ["author 1", "author 2", "author 3"];
        assert_eq!(one.call("page"), answer(before, [3, 4, 1, 1]), "{mode}: the first call");
        assert_eq!(other.call("page"), answer(before, [0; 4]), "{mode}: Redis has the page");

        assert_eq!(one.call("rename 1 Ada"), "renamed");
        let renamed = ["Ada", "author 2", "author 3"];
        assert_eq!(one.call("page"), answer(renamed, [1, 2, 1, 1]), "{mode}: what depends on it");
        assert_eq!(one.call("page"), answer(renamed, [0; 4]), "{mode}: it is stored");
        changes(&mut other, &answer(before, [0; 4]), &answer(renamed, [0; 4]));

        assert_eq!(other.call("rename 9 Alan"), "renamed");
        for process in [&mut one, &mut other] {
            assert_eq!(process.call("page"), answer(renamed, [0; 4]), "{mode}: another author");
        }
        assert_eq!(other.call("rename 3 Grace"), "renamed");
        let twice = ["Ada", "author 2", "Grace"];
        assert_eq!(other.call("page"), answer(twice, [1, 1, 1, 1]), "{mode}: one book");
        changes(&mut one, &answer(renamed, [0; 4]), &answer(twice, [0; 4]));
        assert!(one.finish() && other.finish(), "both end well");
    }
}
