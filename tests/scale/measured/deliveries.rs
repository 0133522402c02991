//! Measures the deliveries of one server and the cost of receiving them. They are printed and not
//! asserted, since they depend on the machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::notices::subscribe;
use super::{Server, connect};
use crate::table::{say, title};
use crate::{is_full, paper};

const KEY: &str = "a:0:100000";

#[test]
fn deliveries_of_one_server_are_printed() {
    let (listeners, batches) = if is_full() { (800, 100) } else { (50, 5) };
    title("Deliveries of notices by one server");
    for batch in [1, 10, 100] {
        let server = Server::start();
        let notices = batches * batch;
        let bytes = paper::notice_bytes(paper::NAMESPACE, &[KEY]) * notices;
        let streams: Vec<_> = (0..listeners).map(|_| subscribe(&server)).collect();
        let (began, before) = (Instant::now(), server.cpu());
        let receiving = thread::spawn(move || receive(streams, bytes));
        publish(server.address(), &notice(KEY), batches, batch);
        receiving.join().unwrap();
        let deliveries = (listeners * notices) as f64;
        let (took, cpu) = (began.elapsed().as_secs_f64(), server.cpu() - before);
        say(&format!("a second, to {listeners}, {batch} at once"), deliveries / took, "");
        say("  processor time of Redis for one", cpu / deliveries, "us");
    }
}

/// All that is sent, to the last byte.
fn receive(mut streams: Vec<TcpStream>, bytes: usize) {
    let mut left = vec![bytes; streams.len()];
    let mut buffer = vec![0; 1 << 18];
    while left.iter().any(|left| *left > 0) {
        for (stream, left) in streams.iter_mut().zip(&mut left) {
            if *left > 0 {
                *left -= stream.read(&mut buffer).unwrap();
            }
        }
    }
}

fn publish(address: (&str, u16), payload: &[u8], batches: usize, batch: usize) {
    let channel = format!("{}:#feed", paper::NAMESPACE);
    let mut command = format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n", channel.len());
    command.push_str(&format!("${}\r\n", payload.len()));
    let one = [command.as_bytes(), payload, b"\r\n"].concat();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut answers = vec![0; 1 << 16];
    for _ in 0..batches {
        stream.write_all(&one.repeat(batch)).unwrap();
        let mut lines = 0;
        while lines < batch {
            let length = stream.read(&mut answers).unwrap();
            lines += answers[..length].iter().filter(|byte| **byte == b'\n').count();
        }
    }
}

/// A notice of nobody's.
fn notice(key: &str) -> Vec<u8> {
    let length = u16::try_from(key.len()).unwrap().to_le_bytes();
    [&[1], &7_u64.to_le_bytes()[..], b"k", &length, key.as_bytes()].concat()
}

/// This many notices in one write.
const BATCH: usize = 100;

#[tokio::test]
async fn what_hearing_costs_is_printed() {
    let batches = if is_full() { 500 } else { 20 };
    let server = Server::start();
    let manager = connect(&server).await;
    let processor = || {
        let spent = clock_gettime(ClockId::ProcessCPUTime);
        spent.tv_sec as f64 * 1e6 + spent.tv_nsec as f64 / 1e3
    };
    let before = processor();
    let address = server.address();
    tokio::task::spawn_blocking(move || publish(address, &notice(KEY), batches, BATCH))
        .await
        .unwrap();
    let notices = (batches * BATCH) as u64;
    while manager.stats().notices < notices {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    title("Hearing notices");
    let each = (processor() - before) / notices as f64;
    say("processor time of the process for one, at most", each, "us");
}
