use cache_runtime::cached;

struct Database {
    connections: u64,
}

#[cached(key = db)]
async fn get(db: Database) -> u64 {
    db.connections
}

fn main() {}
