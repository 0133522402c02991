use cache_runtime::cached;

struct Client;

#[cached(tier = "memory")]
async fn plain(id: u64) -> Client {
    _ = id;
    Client
}

#[cached(tier = "memory")]
async fn inside(id: u64) -> Result<Vec<Client>, String> {
    _ = id;
    Ok(vec![Client])
}

fn main() {}
