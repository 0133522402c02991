//! The notices of the feed, which follow the change that they announce. Their order and number do not
//! matter.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use redis::PubSub;

use super::{From, fetch, own_tiered};
use crate::source::Source;
use crate::stores::{TestCache, until};
use crate::video::{NAME, Way, receives};

/// A monitor of the commands that a server executes, line by line.
struct Monitor(BufReader<TcpStream>);

impl Monitor {
    fn of(cache: &TestCache) -> Monitor {
        let mut stream = TcpStream::connect(("127.0.0.1", cache.server().port())).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut monitor = Monitor(BufReader::new(stream));
        assert_eq!(monitor.line(), "+OK\r\n");
        monitor
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// Returns the commands since the last call.
    fn lines(&mut self, cache: &TestCache) -> Vec<String> {
        cache.server().cli::<()>(&["ECHO", "the end"]);
        let lines = std::iter::repeat_with(|| self.line());
        lines.take_while(|line| !line.contains("\"the end\"")).collect()
    }
}

#[tokio::test]
async fn a_notice_is_sent_in_one_step_with_the_removal_and_after_it() {
    let cache = own_tiered(|config| config).await;
    let (manager, source) = (&cache.manager, Source::new(1));
    let mut monitor = Monitor::of(&cache);
    for way in Way::ALL {
        fetch(manager, &source).await;
        monitor.lines(&cache);
        way.invalidate(manager).await;
        let lines = monitor.lines(&cache);
        let of = |commands: &[&str]| {
            let is_one = |line: &&String| {
                commands.iter().any(|command| line.contains(&format!("] \"{command}\"")))
            };
            lines.iter().enumerate().filter(|(_, line)| is_one(line)).map(|(at, _)| at).collect()
        };
        let (removals, notices): (Vec<_>, Vec<_>) = (of(&["UNLINK", "DEL"]), of(&["PUBLISH"]));
        assert!(!removals.is_empty() && !notices.is_empty(), "{way:?}: {lines:#?}");
        assert!(removals.last() < notices.last(), "{way:?}: {lines:#?}");
        // A scan takes many steps, and what it has removed is told at its end.
        if !matches!(way, Way::Clear | Way::ClearAll | Way::FlushAll) {
            assert_eq!(notices.len(), 1, "{way:?}: {lines:#?}");
            let step = &lines[removals[0]..=notices[0]];
            assert!(step.iter().all(|line| line.contains(" lua] ")), "{way:?}: {lines:#?}");
        }
    }
}

/// Returns the messages since the last call.
fn published(feed: &mut PubSub<'_>) -> Vec<Vec<u8>> {
    // Everything has been sent before, but perhaps not yet been received.
    feed.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let messages = std::iter::repeat_with(|| feed.get_message().ok()).map_while(|message| message);
    messages.map(|message| message.get_payload().unwrap()).collect()
}

#[tokio::test]
async fn notices_that_come_again_in_another_order_bring_nothing_back() {
    let cache = own_tiered(|config| config).await;
    let (peer, channel) = (cache.peer().await, cache.redis_key("#feed"));
    let mut connection = cache.server().connect().unwrap();
    let mut feed = connection.as_pubsub();
    feed.subscribe(&channel).unwrap();
    let mut client = cache.server().connect().unwrap();
    let key = cache.redis_key(NAME);
    let source = Source::new(0);
    for (first, way) in (1..).step_by(2).zip(Way::ALL) {
        let (mut notices, mut entries) = (Vec::new(), Vec::new());
        for value in [first, first + 1] {
            receives(&peer, &source, value - 1).await;
            entries.push(redis::cmd("GET").arg(&key).query::<Vec<u8>>(&mut client).unwrap());
            published(&mut feed);
            source.set(value);
            way.invalidate(&cache.manager).await;
            notices.push(published(&mut feed));
            receives(&peer, &source, value).await;
        }
        // Where tokens have been removed the entries from before are there again, too.
        let by_tokens = !matches!(way, Way::Key | Way::NameAsPrefix | Way::Clear);
        for again in [1, 0, 0, 1, 1, 0] {
            let heard = peer.stats().notices + notices[again].len() as u64;
            if by_tokens {
                redis::cmd("SET").arg(&key).arg(&entries[again]).exec(&mut client).unwrap();
            }
            for notice in &notices[again] {
                redis::cmd("PUBLISH").arg(&channel).arg(notice).exec(&mut client).unwrap();
            }
            until(async || peer.stats().notices == heard).await;
            let expected = if by_tokens { From::Load } else { From::Redis };
            assert_eq!(fetch(&peer, &source).await, (first + 1, expected), "{way:?}");
        }
    }
}
