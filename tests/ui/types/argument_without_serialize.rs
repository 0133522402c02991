use cache_runtime::cached;

struct Database {
    connections: u64,
}

#[cached]
async fn get(id: u64, db: Database) -> u64 {
    id + db.connections
}

fn main() {}
