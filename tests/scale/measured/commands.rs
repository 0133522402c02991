//! Counts the commands that a hit, a miss, a put and an invalidation send to Redis.

use std::fmt::Write as _;
use std::future::Future;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use cache_runtime::{CacheManager, Mode, SetOptions, with};

use super::entries::all;
use super::{Server, article, connect, connect_with, short};
use crate::is_full;
use crate::table::{say, title};

const CALLS: u64 = 10;

/// All commands as Redis sees them.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    fn begin(server: &Server) -> Self {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut monitor = Monitor(BufReader::new(stream));
        assert_eq!(monitor.line(), "+OK");
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Returns the commands since the last call, and the number of commands that scripts have run.
    fn seen(&mut self, server: &Server) -> (Vec<String>, usize) {
        let _: String = server.ask(&["ECHO", "so far"]);
        let (mut sent, mut inside) = (Vec::new(), 0);
        loop {
            let line = self.line();
            let command = line.split('"').nth(1).unwrap().to_owned();
            match (line.contains(" lua] "), &*command) {
                (_, "ECHO") => return (sent, inside),
                (_, "PING") => {}
                (true, _) => inside += 1,
                (false, _) => sent.push(command),
            }
        }
    }
}

struct Bench<'a> {
    server: &'a Server,
    monitor: Monitor,
}

impl Bench<'_> {
    /// Prints what ten of them send, and compares it with what is expected of each.
    async fn sends(&mut self, what: &str, work: impl Future, sent: &[&str], inside: usize) {
        self.monitor.seen(self.server);
        work.await;
        let (seen, inside_seen) = self.monitor.seen(self.server);
        let mut each = String::new();
        sent.iter().for_each(|command| write!(each, "{command} ").unwrap());
        println!("  {what:40} {each:24} {inside:>3} inside of scripts");
        let count = |all: &[String], of: &str| all.iter().filter(|one| *one == of).count();
        for command in ["GET", "MGET", "EVALSHA"] {
            let expected = sent.iter().filter(|one| **one == command).count() * CALLS as usize;
            assert_eq!(count(&seen, command), expected, "{what}: {command}");
        }
        assert!(seen.iter().all(|one| ["GET", "MGET", "EVALSHA"].contains(&&**one)), "{seen:?}");
        assert_eq!(inside_seen, inside * CALLS as usize, "{what}");
    }
}

async fn articles(manager: &CacheManager) {
    with(manager, async {
        for id in 0..CALLS {
            article(id).await;
        }
    })
    .await;
}

/// Each of its own prefix.
async fn groups(manager: &CacheManager) {
    with(manager, async {
        for group in 0..CALLS {
            short(group, 0).await;
        }
    })
    .await;
}

async fn named(count: u64, act: impl AsyncFn(String)) {
    for id in 0..count {
        act(format!("b:{id}")).await;
    }
}

#[tokio::test]
async fn calls_send_what_the_paper_says() {
    let server = Server::start();
    let first = connect(&server).await;
    let second = connect(&server).await;
    let strict = connect_with(&server, |config| config.mode(Mode::Redis)).await;
    title("Commands of one call, of entries with two prefixes");
    let mut bench = Bench { server: &server, monitor: Monitor::begin(&server) };
    // BEGIN: GETRANGE, SET, three tokens; FILL: GETRANGE, three tokens, SET.
    with(&first, article(99)).await;
    let load = ["GET", "EVALSHA", "EVALSHA"];
    bench.sends("a load", articles(&first), &load, 5 + 3 + 5).await;
    bench.sends("a hit in memory", articles(&first), &[], 0).await;
    // The first one finds no token in the token cache.
    with(&second, article(99)).await;
    bench.sends("a hit in Redis, tiered", articles(&second), &["GET"], 0).await;
    bench.sends("a hit in Redis, mode redis", articles(&strict), &["MGET"], 0).await;
    groups(&first).await;
    bench.sends("a hit in Redis, of a new prefix", groups(&second), &["MGET"], 0).await;
    let ttl = || SetOptions::ttl(Duration::from_secs(60));
    let set = async |name: String| first.set(&name, &1_u8, ttl()).await.unwrap();
    set("b:x".into()).await;
    // As a load, with a DEL, an UNLINK of the name's token, and a PUBLISH; and one token less.
    let put = ["EVALSHA", "EVALSHA"];
    bench.sends("a value set directly", named(CALLS, set), &put, 4 + 2 + 1 + 4 + 1 + 1).await;
    let delete = async |name: String| _ = first.delete(&name).await.unwrap();
    bench.sends("an invalidation of a name", named(CALLS, delete), &["EVALSHA"], 4).await;
    let prefix = async |name: String| first.invalidate_prefix(&name).await.unwrap();
    // The removal counter of the prefix is read and written.
    bench.sends("an invalidation of a prefix", named(CALLS, prefix), &["EVALSHA"], 5 + 2).await;
}

/// Printed, not asserted: it is this machine's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processor_time_of_redis_is_printed() {
    let calls: u64 = if is_full() { 50_000 } else { 1_000 };
    let server = Server::start();
    let (first, second) = (connect(&server).await, connect(&server).await);
    let strict = connect_with(&server, |config| config.mode(Mode::Redis)).await;
    all(&first, 1, |id| short(0, id)).await;
    all(&second, 1, |id| short(0, id)).await;
    all(&strict, 1, |id| short(0, id)).await;
    title("Processor time of Redis for one of them, 64 at once");
    let before = server.cpu();
    all(&first, calls, |id| short(0, id)).await;
    let loaded = server.cpu();
    all(&second, calls, |id| short(0, id)).await;
    let read = server.cpu();
    all(&strict, calls, |id| short(0, id)).await;
    let read_strictly = server.cpu();
    let forget = |id| async move {
        cache_runtime::try_cache().unwrap().delete(&format!("a:0:{id}")).await.unwrap();
        String::new()
    };
    all(&first, calls, forget).await;
    let forgotten = server.cpu();
    let each = |from: f64, to: f64| (to - from) / calls as f64;
    say("a load: GET, BEGIN, FILL", each(before, loaded), "us");
    say("a hit in Redis: GET", each(loaded, read), "us");
    say("a hit in Redis with three tokens: MGET", each(read, read_strictly), "us");
    say("an invalidation, with 2 that listen: REMOVE", each(read_strictly, forgotten), "us");
}
