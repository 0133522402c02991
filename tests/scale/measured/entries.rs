//! Bytes of entries, of tokens and of copies, and what it costs to go through all names.

use std::time::Instant;

use cache_runtime::{CacheManager, with};
use tokio::task::JoinSet;

use super::{Server, article, connect, short};
use crate::table::{say, title, within};
use crate::{is_full, paper};

/// Six digits, so that all names have one length.
const FIRST: u64 = 100_000;
const TASKS: u64 = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_tokens_and_copies_take_what_the_paper_says() {
    let entries: u64 = if is_full() { 50_000 } else { 6_000 };
    let server = Server::start();
    let manager = connect(&server).await;
    // The first entries also make what exists once.
    all(&manager, 1, |id| async move { article(id).await + &short(0, id).await }).await;
    let empty = server.data().await;
    all(&manager, entries, article).await;
    let copy = manager.stats();
    let by_function = server.data().await;
    all(&manager, entries, |id| short(0, id)).await;
    let short_names = server.data().await;
    all(&manager, entries, |id| short(id, 0)).await;
    let with_tokens = server.data().await;

    title("Bytes, of a text of 100 bytes");
    let each = |bytes: f64| bytes / entries as f64;
    let short_name = each(short_names - by_function);
    let named = each(by_function - empty);
    server.within(
        "an entry in Redis, named after its function",
        named,
        paper::NAMED_BY_FUNCTION,
        0.1,
    );
    server.within("an entry in Redis, with a short name", short_name, paper::NAMED_SHORT, 0.1);
    let token = each(with_tokens - short_names) - short_name;
    server.within("a token in Redis, of an entry's own tag", token, paper::TOKEN, 0.15);
    let copy = copy.bytes as f64 / copy.entries as f64;
    within("a copy in the memory of a process", copy, paper::COPY, 0.1);

    let usage = |key: &str| server.ask::<f64>(&["MEMORY", "USAGE", key]);
    say("a token by MEMORY USAGE", usage("shop:#t:a:100000"), "bytes");
    say("an entry by MEMORY USAGE", usage("shop:a:0:100000"), "bytes");

    let keys: f64 = server.ask(&["DBSIZE"]);
    let (began, before) = (Instant::now(), server.cpu());
    assert_eq!(manager.clear("nothing:*").await.unwrap(), 0);
    say("a name that `clear` passes over", began.elapsed().as_secs_f64() * 1e6 / keys, "us");
    say("  of which processor time of Redis", (server.cpu() - before) / keys, "us");
}

/// Makes a call for each id, many at once.
pub(super) async fn all<F: Future<Output = String> + Send>(
    manager: &CacheManager,
    count: u64,
    call: impl Fn(u64) -> F + Send + Copy + 'static,
) {
    let task = |number| {
        let manager = manager.clone();
        let calls = async move {
            for id in (FIRST + number..FIRST + count).step_by(TASKS as usize) {
                call(id).await;
            }
        };
        async move { with(&manager, calls).await }
    };
    let tasks: JoinSet<()> = (0..TASKS).map(task).collect();
    tasks.join_all().await;
}
