use cache_runtime::{cached, name};

#[cached(key = "{shelf?}")]
async fn key(shelf: Option<u64>) -> u64 {
    shelf.unwrap_or_default()
}

#[cached(key_prefix = "shelf:{shelf?}")]
async fn key_prefix(shelf: Option<u64>) -> u64 {
    shelf.unwrap_or_default()
}

#[cached(tags = ["shelf:{rack?}"])]
async fn unknown(shelf: Option<u64>) -> u64 {
    shelf.unwrap_or_default()
}

#[cached(tags = ["shelf:{shelf?.id}"])]
async fn within(shelf: Option<u64>) -> u64 {
    shelf.unwrap_or_default()
}

fn main() {
    let shelf = Some(1);
    name!("shelf:{shelf?}");
}
