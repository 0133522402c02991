use std::sync::Arc;

use cache_runtime::cached;

struct Conn;
struct State<T>(T);

#[cached]
async fn borrowed(db: &Conn, id: u64) -> u64 {
    let _ = db;
    id
}

#[cached]
async fn taken_apart(State(db): State<Arc<Conn>>, id: u64) -> u64 {
    let _ = db;
    id
}

#[cached]
async fn nested(id: u64, dbs: Option<(u64, &Conn)>) -> u64 {
    let _ = dbs;
    id
}

#[cached(stale_while_revalidate = "1m")]
async fn several(first: State<u64>, id: u64, second: Arc<Conn>) -> u64 {
    let _ = (first, second);
    id
}

fn main() {}
