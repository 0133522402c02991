use std::rc::Rc;

use cache_runtime::cached;

async fn load(id: u64) -> u64 {
    id
}

#[cached(stale_while_revalidate = "1m")]
async fn get(id: u64) -> u64 {
    let kept = Rc::new(id);
    let loaded = load(id).await;
    *kept + loaded
}

fn main() {}
