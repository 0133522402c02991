use cache_runtime::cached;

#[cached(inherit = "all")]
async fn get(id: u64) -> u64 {
    id
}

#[cached(inherit = 3)]
async fn find(id: u64) -> u64 {
    id
}

#[cached(inherit = )]
async fn read(id: u64) -> u64 {
    id
}

fn main() {}
