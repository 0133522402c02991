//! The connections that the cache uses for requests of each size.

use std::collections::BTreeSet;

use cache_tests::RedisServer;
use redis::{Connection, cmd};

use super::*;

#[cached(ttl = "5m", key_prefix = "sized", key = "{id}")]
async fn sized(id: u64, bytes: usize) -> String {
    _ = id;
    "x".repeat(bytes)
}

#[cached(ttl = "5m", key_prefix = "slight", key = "{id}")]
async fn slight(id: u64) -> u64 {
    id
}

/// Watches the commands of a server and their connections.
struct Listener(Connection);

impl Listener {
    fn to(server: &RedisServer) -> Self {
        let mut connection = server.connect().unwrap();
        connection.send_packed_command(&cmd("MONITOR").get_packed_command()).unwrap();
        connection.recv_response().unwrap();
        Listener(connection)
    }

    /// The connections by which keys that end so have been read, in the order of the reads.
    async fn readers(&mut self, server: &RedisServer, end: &str) -> Vec<String> {
        server.cli::<String>(&["ECHO", "so far"]);
        let mut readers = Vec::new();
        loop {
            let line: String = redis::from_redis_value(self.0.recv_response().unwrap()).unwrap();
            if line.contains("so far") {
                return readers;
            }
            let is_read = line.contains("\"GET\"") || line.contains("\"MGET\"");
            if is_read && line.contains(&format!("{end}\"")) {
                readers.extend(line.split([' ', ']']).nth(2).map(str::to_owned));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_known_to_be_large_are_read_beside_the_small_ones() {
    for mode in MODES {
        let server = RedisServer::start();
        let [writer, reader] = two(&server.url(), mode, &unique_namespace()).await;
        let (large, small) = (64 * 1_024, 100);
        for id in 0..20 {
            with(&writer, slight(id)).await;
            with(&writer, sized(id, large)).await;
        }
        for id in 20..60 {
            with(&writer, sized(id, small)).await;
        }
        writer.set("text:1", &"x".repeat(large), SetOptions::default()).await.unwrap();
        writer.set("text:2", &"x".repeat(large), SetOptions::default()).await.unwrap();
        let mut listener = Listener::to(&server);

        with(&reader, slight(0)).await;
        let quick = listener.readers(&server, "slight:0").await;
        assert_eq!(quick.len(), 1, "{quick:?}");
        for id in 0..20 {
            with(&reader, sized(id, large)).await;
            let over = listener.readers(&server, &format!("sized:{id}")).await;
            assert_eq!(over == quick, id == 0, "{mode:?}, {id}: the first one is not known");
            with(&reader, slight(id)).await;
            let over = listener.readers(&server, &format!("slight:{id}")).await;
            assert!(over.iter().all(|over| *over == quick[0]), "{mode:?}, {id}: {over:?}");
        }
        // Those of the same function that are small go with them, until there are no large ones any more.
        let mut over = Vec::new();
        for id in 20..60 {
            with(&reader, sized(id, small)).await;
            over.extend(listener.readers(&server, &format!("sized:{id}")).await);
        }
        assert_ne!(over[0], quick[0], "{mode:?}");
        assert_eq!(over[39], quick[0], "{mode:?}");
        assert_eq!(over.iter().collect::<BTreeSet<_>>().len(), 2, "{over:?}");

        // Directly, what has the same prefix.
        for (name, is_known) in [("text:1", false), ("text:2", true)] {
            reader.get::<String>(name).await.unwrap();
            let over = listener.readers(&server, name).await;
            assert_eq!(over != quick, is_known, "{mode:?}, {name}");
        }
    }
}
