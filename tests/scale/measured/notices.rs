//! The bytes of notices on the wire.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use cache_runtime::{CacheCall as _, with};

use super::{Server, article, connect};
use crate::paper;
use crate::table::{title, within};

/// Returns a subscriber that keeps what it is sent.
pub(super) fn subscribe(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let feed = format!("{}:#feed\r\n", paper::NAMESPACE);
    stream.write_all(format!("HELLO 3\r\nSUBSCRIBE {feed}").as_bytes()).unwrap();
    read_until(&mut stream, format!("{feed}:1\r\n").as_bytes());
    stream
}

fn read_until(stream: &mut TcpStream, end: &[u8]) {
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !seen.ends_with(end) {
        stream.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
}

/// Reads everything that has arrived, in one piece.
fn received(stream: &mut TcpStream) -> f64 {
    let mut bytes = vec![0; 4_096];
    stream.read(&mut bytes).unwrap() as f64
}

#[tokio::test]
async fn a_notice_has_the_bytes_that_the_paper_says() {
    let server = Server::start();
    let manager = connect(&server).await;
    let name = with(&manager, async { article(1).cache_entry().name() }).await.unwrap();
    let mut stream = subscribe(&server);
    let bytes = |keys: &[&str]| paper::notice_bytes(paper::NAMESPACE, keys) as f64;

    title("Bytes of a notice, to each that listens");
    manager.delete("a:0:100000").await.unwrap();
    within("of a short name", received(&mut stream), bytes(&["a:0:100000"]), 0.0);
    manager.delete(&name).await.unwrap();
    within("of a name after a function", received(&mut stream), bytes(&[&name]), 0.0);
    manager.invalidate_prefix("a:0").await.unwrap();
    within("of a prefix", received(&mut stream), bytes(&["#t:a:0", "a:0"]), 0.0);
}
