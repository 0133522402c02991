use std::cell::RefCell;

use cache_runtime::cached;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize)]
struct Written;

#[derive(Serialize, Deserialize)]
struct Single;

#[derive(Clone, Serialize, Deserialize)]
struct Local(RefCell<u64>);

#[derive(Clone, Serialize, Deserialize)]
struct Name {
    text: &'static str,
}

#[cached]
async fn written(id: u64) -> Vec<Written> {
    vec![Written; id as usize]
}

#[cached]
async fn single(id: u64) -> Result<Option<Single>, String> {
    Err(id.to_string())
}

#[cached]
async fn local(id: u64) -> Local {
    Local(RefCell::new(id))
}

#[cached]
async fn name(id: u64) -> Name {
    Name { text: if id > 0 { "a" } else { "b" } }
}

#[cached]
async fn any<T: Serialize>(id: u64) -> Option<T> {
    let _ = id;
    None
}

fn main() {}
