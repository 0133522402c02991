//! Measures the admin endpoints with 1,000 call sites: over HTTP, one request after another, on one
//! connection.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use cache_admin::{AdminConfig, router};
use cache_benches::redis::Failure;
use cache_benches::redis::series::publish_figures;
use cache_benches::{Figure, is_full};
use cache_runtime::{CacheConfig, CacheManager, cached, with};
use cache_tests::RedisServer;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::sleep;

/// Each instance of a generic function is a call site.
#[cached(key_prefix = "site")]
async fn site<const A: u8, const B: u8, const C: u8>(id: u64) -> u64 {
    id + u64::from(A) + u64::from(B) + u64::from(C)
}

macro_rules! each_digit {
    ($next:ident $($before:literal)*) => {
        $next!($($before)* 0); $next!($($before)* 1); $next!($($before)* 2); $next!($($before)* 3);
        $next!($($before)* 4); $next!($($before)* 5); $next!($($before)* 6); $next!($($before)* 7);
        $next!($($before)* 8); $next!($($before)* 9);
    };
}

macro_rules! call {
    ($a:literal $b:literal $c:literal) => {
        for id in [1, 1, 2] {
            site::<$a, $b, $c>(id).await;
        }
    };
}

macro_rules! hundred {
    ($a:literal) => {{
        macro_rules! ten {
            ($x:literal $y:literal) => {
                each_digit!(call $x $y)
            };
        }
        Box::pin(async { each_digit!(ten $a); }).await;
    }};
}

async fn call_all() {
    each_digit!(hundred);
}

fn main() -> Result<(), Failure> {
    Runtime::new()?.block_on(run())
}

async fn run() -> Result<(), Failure> {
    let server = RedisServer::start();
    let manager = CacheManager::connect(CacheConfig::default().redis_url(server.url())).await?;
    with(&manager, call_all()).await;
    assert_eq!(manager.stats().sites.len(), 1_000);
    while manager.fleet_stats().await.is_none_or(|stats| stats.sites.len() < 1_000) {
        sleep(Duration::from_millis(100)).await;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let open = AdminConfig::default().public_reads(true);
    let service = Router::new().nest_service("/cache", router(manager.clone(), open));
    tokio::spawn(async move { axum::serve(listener, service).await });
    let requests = if is_full() { 1_000 } else { 10 };
    for route in ["health", "stats", "stats/fleet", "metrics", "sites"] {
        let mut times = times(address, route, requests).await?;
        times.sort();
        let of = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
        let group = format!("admin, GET /{route}");
        let figure =
            |name, time: Duration| Figure::new(&group, name, time.as_secs_f64() * 1e9, "ns");
        publish_figures("admin", &[figure("p50", of(50)), figure("p99", of(99))]);
    }
    Ok(())
}

/// Returns the time of each request until its body is read.
async fn times(
    address: SocketAddr,
    route: &str,
    requests: usize,
) -> Result<Vec<Duration>, Failure> {
    let mut stream = BufReader::new(TcpStream::connect(address).await?);
    let request = format!("GET /cache/{route} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut times = Vec::new();
    for _ in 0..requests {
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let (status, body) = answer(&mut stream).await?;
        times.push(began.elapsed());
        assert!(status.contains("200") && body > 0, "{route}: {status}");
    }
    Ok(times)
}

/// Returns the status line of an answer, and the length of its body, which is read.
async fn answer(stream: &mut BufReader<TcpStream>) -> Result<(String, usize), Failure> {
    let (mut status, mut length) = (String::new(), 0);
    stream.read_line(&mut status).await?;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        match line.to_ascii_lowercase().strip_prefix("content-length:") {
            Some(number) => length = number.trim().parse()?,
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    Ok((status, length))
}
