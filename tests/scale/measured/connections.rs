//! Connections of an instance, and what they take.

use std::time::Duration;

use super::{Server, connect};
use crate::table::{say, title, within};
use crate::{is_full, paper};

const INSTANCES: usize = 20;

#[tokio::test]
async fn an_instance_has_three_connections() {
    let server = Server::start();
    let (bytes_before, before) = server.clients();
    let mut managers = Vec::new();
    for _ in 0..INSTANCES {
        managers.push(connect(&server).await);
    }
    let (bytes, clients) = server.clients();

    title("Connections");
    let each = |growth: f64| growth / INSTANCES as f64;
    within("connections of an instance", each(clients - before), paper::CONNECTIONS, 0.0);
    let bytes = each(bytes - bytes_before);
    say("bytes of an instance's connections, just made", bytes, "bytes");
    assert!(bytes < paper::CONNECTIONS_BYTES, "{bytes}");
    if is_full() {
        // Redis takes back buffers that have not been needed for some seconds.
        tokio::time::sleep(Duration::from_secs(12)).await;
        let bytes = each(server.clients().0 - bytes_before);
        say("  and after some seconds without calls", bytes, "bytes");
    }
    let most: Vec<String> = server.ask(&["CONFIG", "GET", "maxclients"]);
    say("connections that Redis takes by default", most[1].parse().unwrap(), "");
}
