use cache_runtime::{cache_invalidate, cached};

#[cached(tags = [Some(id)])]
async fn get(id: u64) -> u64 {
    id
}

#[cache_invalidate(tags = ["all", vec![id]])]
async fn change(id: u64) {
    _ = id;
}

#[cache_invalidate(tags = [unknown(id)])]
async fn unknown_function(id: u64) {
    _ = id;
}

fn main() {}
