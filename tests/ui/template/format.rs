use cache_runtime::cached;

#[cached(key = "{id:?}")]
async fn debug(id: u64) -> u64 {
    id
}

#[cached(key = "{lang:>5}:{id:?}", tags = ["id:{id:?}"])]
async fn both(id: u64, lang: &str) -> u64 {
    id + lang.len() as u64
}

fn main() {}
