//! Shows what callers see while Redis is killed, restarted empty, frozen and resumed.
//!
//! ```text
//! cargo run --release -p cache-examples --bin outage
//! ```
//!
//! It starts a `redis-server` of its own. Two caches stand for two instances of a service. One answers
//! callers, which read ten products all the time. The other changes a product's price every 200 ms and
//! invalidates it. A line is half a second; `outdated` is the longest time since the change of a price at
//! which a caller still got the old one.

use std::error::Error;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::{CacheConfig, CacheManager, Status, cache_invalidate, cached, with};
use tokio::time::{interval, sleep};
use tracing_subscriber::filter::LevelFilter;

const PRODUCTS: usize = 10;
const LINE: Duration = Duration::from_millis(500);
/// The events of the server, with their times in lines of output.
const EVENTS: [(u32, Event); 4] =
    [(4, Event::Kill), (10, Event::Restart), (16, Event::Freeze), (22, Event::Continue)];
const LINES: u32 = 30;

/// The database: each product's price, which is the time of its last change in microseconds.
static PRICES: [AtomicU64; PRODUCTS] = [const { AtomicU64::new(0) }; PRODUCTS];
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

#[cached(ttl = "1m", key_prefix = "price", key = "{product}")]
async fn price(product: usize) -> u64 {
    let price = PRICES[product].load(Ordering::SeqCst);
    sleep(Duration::from_millis(2)).await;
    price
}

#[cache_invalidate(entry = price(product))]
async fn change(product: usize) {
    PRICES[product].store(micros(START.elapsed()), Ordering::SeqCst);
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Kill,
    Restart,
    Freeze,
    Continue,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_max_level(LevelFilter::ERROR).init();
    let mut server = Server::start()?;
    let config = CacheConfig::default()
        .namespace("outage")
        .redis_url(format!("redis://127.0.0.1:{}", server.port))
        .outage_grace(Duration::from_secs(1))
        .outage_ttl(Duration::from_secs(1));
    let readers = CacheManager::connect(config.clone()).await?;
    let writer = CacheManager::connect(config).await?;
    tokio::spawn(write(writer.clone()));

    println!(
        "In an outage values are kept for 1 s: for so long a price may be served that the other"
    );
    println!("instance has changed, since they cannot tell each other. All calls are answered.\n");
    println!(
        "{:>6}  {:<24} {:>8} {:>8} {:>6} {:>6}  {:>9}  {:>10}  reader's cache",
        "time", "", "calls", "memory", "Redis", "loads", "slowest", "outdated"
    );
    let began = Instant::now();
    for line in 0..LINES {
        let event = EVENTS.iter().find(|(at, _)| *at == line).map(|(_, event)| *event);
        let what = event.map_or(Ok(""), |event| server.suffer(event))?;
        let time = began.elapsed();
        let (seen, row) = with(&readers, ask(&readers)).await;
        let health = readers.health().await;
        let store = match health.status {
            Status::Healthy => health.backend.to_owned(),
            _ => format!("{}: {}", health.backend, health.reason.unwrap_or_default()),
        };
        println!("{:>5.1}s  {what:<24} {row}  {store}", time.as_secs_f64());
        assert!(seen > 0, "no caller was answered");
    }
    Ok(())
}

/// Changes one price after the other.
async fn write(writer: CacheManager) {
    let mut ticks = interval(Duration::from_millis(200));
    for product in (0..PRODUCTS).cycle() {
        ticks.tick().await;
        with(&writer, change(product)).await;
    }
}

/// Asks for all prices again and again, for the time of a line. How often, and what came of it.
async fn ask(manager: &CacheManager) -> (u64, String) {
    let before = manager.stats().total;
    let (began, mut slowest, mut calls) = (Instant::now(), Duration::ZERO, 0_u64);
    let mut outdated_for = 0;
    while began.elapsed() < LINE {
        for (product, now) in PRICES.iter().enumerate() {
            let (asked, newest) = (Instant::now(), now.load(Ordering::SeqCst));
            let price = price(product).await;
            slowest = slowest.max(asked.elapsed());
            calls += 1;
            if price < newest {
                outdated_for = outdated_for.max(micros(START.elapsed()) - newest);
            }
        }
        sleep(Duration::from_millis(1)).await;
    }
    let after = manager.stats().total;
    let row = format!(
        "{calls:>8} {:>8} {:>6} {:>6}  {:>9}  {:>10}",
        after.memory_hits - before.memory_hits,
        after.redis_hits - before.redis_hits,
        after.loads - before.loads,
        format!("{:.1} ms", slowest.as_secs_f64() * 1e3),
        format!("{:.1} ms", outdated_for as f64 / 1e3),
    );
    (calls, row)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A `redis-server` that keeps nothing on disk. It ends with this value.
struct Server {
    port: u16,
    process: Child,
}

impl Server {
    fn start() -> io::Result<Self> {
        // Not one of those that outgoing connections are given: the server is to come back there.
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let port = (20_000..32_000).find(is_free).ok_or(io::ErrorKind::AddrInUse)?;
        Ok(Server { port, process: run(port)? })
    }

    fn suffer(&mut self, event: Event) -> io::Result<&'static str> {
        match event {
            Event::Kill => {
                self.process.kill()?;
                self.process.wait()?;
                Ok("Redis is killed")
            }
            Event::Restart => {
                self.process = run(self.port)?;
                Ok("Redis is back, empty")
            }
            Event::Freeze => self.signal("-STOP").map(|()| "Redis is frozen"),
            Event::Continue => self.signal("-CONT").map(|()| "Redis goes on"),
        }
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let pid = self.process.id().to_string();
        Command::new("kill").args([signal, &pid]).status().map(|_| ())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended before.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the server and waits until it can be connected to.
fn run(port: u16) -> io::Result<Child> {
    let mut process = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| io::Error::other(format!("redis-server cannot be started: {error}")))?;
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(process);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    process.kill()?;
    Err(io::Error::other("redis-server does not answer"))
}
