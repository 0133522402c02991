//! A process with a cache of its own, driven by lines on its standard input (`cache_tests::Worker`).
//!
//! Each command is one line and has one line as its answer:
//!
//! | command | answer |
//! |---|---|
//! | `ping`, `pid`, `env NAME` | `pong`, the process id, the variable |
//! | `data TEXT` | from now on the items are TEXT |
//! | `delay MS` | from now on a load takes this long |
//! | `get ITEM` | the item, cached |
//! | `begin ITEM` | `done`; the item is being got meanwhile |
//! | `together ITEM CALLERS` | the item, by this many callers at once who share it with all processes |
//! | `loads` | how often the body behind `get` has run |
//! | `change ITEM`, `change-all` | invalidates one item by its prefix, all of them by their tag |
//! | `set NAME TEXT`, `peek NAME`, `delete NAME`, `clear PATTERN`, `flush` | the direct API |
//! | `setting FIELD` | a field of the configuration, as JSON |
//! | `config-error` | what is wrong with the environment |
//! | `backend` | the store in use |

use std::process;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use cache_runtime::{Error, cache, cache_invalidate, cached, try_cache};
use cache_tests::serve;
use tokio::task::JoinSet;

static DATA: Mutex<String> = Mutex::new(String::new());
static DELAY_MS: AtomicU64 = AtomicU64::new(0);
static LOADS: AtomicUsize = AtomicUsize::new(0);

#[tokio::main]
async fn main() -> std::io::Result<()> {
    serve(async |line: &str| answer(line).await.unwrap_or_else(|error| format!("error: {error}")))
        .await
}

async fn answer(line: &str) -> Result<String, Error> {
    Ok(match line.split_whitespace().collect::<Vec<_>>()[..] {
        ["ping"] => "pong".to_owned(),
        ["pid"] => process::id().to_string(),
        ["env", name] => std::env::var(name).unwrap_or_default(),
        ["data", text] => set_data(text),
        ["delay", ms] => set_delay(ms),
        ["get", id] => item(id).await,
        ["begin", id] => begin(id),
        ["together", id, callers] => together(id, callers).await,
        ["loads"] => LOADS.load(Ordering::SeqCst).to_string(),
        ["change", id] => change(id).await,
        ["change-all"] => change_all().await,
        ["set", name, text] => set(name, text).await?,
        ["peek", name] => shown(cache().get::<String>(name).await?),
        ["delete", name] => cache().delete(name).await?.unwrap_or_default().to_string(),
        ["clear", pattern] => cache().clear(pattern).await?.to_string(),
        ["flush"] => cache().flush_all().await.to_string(),
        ["setting", field] => setting(field),
        ["config-error"] => try_cache().err().map_or_else(String::new, |error| error.to_string()),
        ["backend"] => cache().health().await.backend.to_owned(),
        _ => format!("error: no command {line:?}"),
    })
}

#[cached(ttl = "5m", key_prefix = "item", key = "{id}", tags = ["items"])]
async fn item(id: &str) -> String {
    item_now(id).await
}

async fn item_now(id: &str) -> String {
    LOADS.fetch_add(1, Ordering::SeqCst);
    // Read before the delay: what happens meanwhile is not in it.
    let data = data();
    tokio::time::sleep(Duration::from_millis(DELAY_MS.load(Ordering::SeqCst))).await;
    format!("{id}={data}")
}

#[cached(ttl = "5m", key_prefix = "shared", key = "{id}", coalesce = "fleet")]
async fn shared_item(id: String) -> String {
    item_now(&id).await
}

fn begin(id: &str) -> String {
    let id = id.to_owned();
    tokio::spawn(async move { item(&id).await });
    done()
}

async fn together(id: &str, callers: &str) -> String {
    let callers = callers.parse().unwrap_or(0);
    let mut calls = JoinSet::new();
    for _ in 0..callers {
        calls.spawn(shared_item(id.to_owned()));
    }
    let mut items = calls.join_all().await;
    items.dedup();
    items.join(" ")
}

#[cache_invalidate(prefix = "item:{id}")]
async fn change(id: &str) -> String {
    done()
}

#[cache_invalidate(tags = ["items"])]
async fn change_all() -> String {
    done()
}

async fn set(name: &str, text: &str) -> Result<String, Error> {
    cache().set(name, &text.to_owned(), Duration::from_secs(300)).await?;
    Ok(done())
}

fn setting(field: &str) -> String {
    let config = serde_json::to_value(cache().config()).unwrap_or_default();
    config[field].to_string()
}

fn data() -> String {
    DATA.lock().map_or_else(|_| String::new(), |data| data.clone())
}

fn set_data(text: &str) -> String {
    if let Ok(mut data) = DATA.lock() {
        text.clone_into(&mut data);
    }
    done()
}

fn set_delay(ms: &str) -> String {
    DELAY_MS.store(ms.parse().unwrap_or(0), Ordering::SeqCst);
    done()
}

fn shown(value: Option<String>) -> String {
    value.unwrap_or_else(|| "none".to_owned())
}

fn done() -> String {
    "done".to_owned()
}
